"""One session's rows: finding its own, for those who only read it and those who change it, and removing them all."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from journeyman.store.prepared import Prepared
from journeyman.store.rendering import load
from journeyman.store.tables import events, inbox, mounted_memories, sessions, threads
from journeyman.wire.errors import not_found
from journeyman.wire.ids import is_id

_BY_ID = select(sessions).where(
    sessions.c.id == bindparam("session"), sessions.c.workspace_id == bindparam("workspace")
)
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())


def session_row(connection: Connection, workspace: str, session_id: str) -> dict[str, Any]:
    """Raises 404."""
    return _find(connection, workspace, session_id, lock=False)


def lock_session(connection: Connection, workspace: str, session_id: str) -> dict[str, Any]:
    """The row, held until the transaction ends. Raises 404."""
    return _find(connection, workspace, session_id, lock=True)


def vault_ids_of(row: Mapping[str, Any]) -> Sequence[str]:
    """In the order in which they were given."""
    return load(row["vault_ids"]) if row["vault_ids"] else ()


def budget_of(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """As the wire shows it."""
    return load(row["budget"]) if row["budget"] else None


def memory_stores_of(row: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """As they stand among its resources."""
    if "memory_store" not in (row["resources"] or ""):
        return ()
    return [each for each in load(row["resources"]) if each["type"] == "memory_store"]


def remove_session(connection: Connection, session_id: str) -> None:
    """Its row and all that belongs to it."""
    for table in (events, inbox, threads, mounted_memories):
        connection.execute(delete(table).where(table.c.session_id == session_id))
    connection.execute(delete(sessions).where(sessions.c.id == session_id))


def _find(connection: Connection, workspace: str, session_id: str, *, lock: bool) -> dict[str, Any]:
    statement = _LOCKED if lock else _FOUND
    row = statement.first(connection, session=session_id, workspace=workspace) if is_id("sesn", session_id) else None
    if row is None:
        raise not_found("Session not found.")
    return row
