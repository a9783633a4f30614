"""Why a process does not start; each message says what to change."""


class CannotStart(Exception):
    """Something about the machine or the configuration; the message is for people."""


class DataDirectoryUnusable(CannotStart):
    """It cannot be made or written."""


class DataDirectoryInUse(CannotStart):
    """Another server works on this data directory."""


class ExtraMissing(CannotStart):
    """What is configured needs packages that are not installed; the message names the extra."""


class NotShared(CannotStart):
    """Several processes need a database that they can share."""

    def __init__(self) -> None:
        super().__init__("database.url: several processes can share a Postgres database only.")
