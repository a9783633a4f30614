"""Finding one session's row, for those who only read it and those who change it."""

from typing import Any

from sqlalchemy import Connection, select

from journeyman.store.tables import sessions
from journeyman.wire.errors import not_found
from journeyman.wire.ids import is_id


def session_row(connection: Connection, workspace: str, session_id: str) -> dict[str, Any]:
    """Raises 404."""
    return _find(connection, workspace, session_id, lock=False)


def lock_session(connection: Connection, workspace: str, session_id: str) -> dict[str, Any]:
    """The row, held until the transaction ends. Raises 404."""
    return _find(connection, workspace, session_id, lock=True)


def _find(connection: Connection, workspace: str, session_id: str, *, lock: bool) -> dict[str, Any]:
    statement = select(sessions).where(sessions.c.id == session_id, sessions.c.workspace_id == workspace)
    if lock:
        statement = statement.with_for_update()
    row = connection.execute(statement).mappings().one_or_none() if is_id("sesn", session_id) else None
    if row is None:
        raise not_found("Session not found.")
    return dict(row)
