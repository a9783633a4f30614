"""The only SQL: tables, the event log, the inbox, resources, migrations."""
