"""Sessions that were archived long ago are removed for good, a batch at a time."""

from functools import partial

from sqlalchemy import Connection, delete, func, select, text

from journeyman.store.database import Database
from journeyman.store.session_rows import remove_session
from journeyman.store.tables import events, sessions

_SESSIONS = 200
_EVENTS = 1_000
"""In one transaction, so that nobody waits long for it."""
_PURGER = 7_163_003
"""The advisory lock of the one process that purges."""


class Purging:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def archived_sessions(self, before: int) -> bool:
        """Remove some of those archived before a time (µs), oldest first; whether there may be more.

        On a database of several processes one purges at a time: for the others there is nothing to do.
        """
        archived = select(sessions.c.id).where(sessions.c.status == "terminated", sessions.c.archived_at < before)
        oldest = archived.order_by(sessions.c.archived_at).limit(_SESSIONS)
        found = await self._database.read(lambda connection: list(connection.execute(oldest).scalars()))
        try:
            for session_id in found:
                while await self._database.write(partial(_remove, session_id=session_id, before=before)):
                    pass
        except _AnotherPurges:
            return False
        return len(found) == _SESSIONS


class _AnotherPurges(Exception):
    pass


def _remove(connection: Connection, session_id: str, before: int) -> bool:
    """One batch of a session's rows, at last its own; whether there are more. Raises _AnotherPurges."""
    lock = text("SELECT pg_try_advisory_xact_lock(:key)")
    if connection.dialect.name == "postgresql" and not connection.execute(lock, {"key": _PURGER}).scalar():
        raise _AnotherPurges
    over = sessions.c.id == session_id, sessions.c.status == "terminated", sessions.c.archived_at < before
    if connection.execute(select(sessions.c.id).where(*over).with_for_update()).one_or_none() is None:
        return False
    mine = events.c.session_id == session_id
    first = select(events.c.seq).where(mine).order_by(events.c.seq).limit(_EVENTS).subquery()
    last = connection.execute(select(func.max(first.c.seq))).scalar()
    if last is not None and connection.execute(delete(events).where(mine, events.c.seq <= last)).rowcount == _EVENTS:
        return True
    remove_session(connection, session_id)
    return False
