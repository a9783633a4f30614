"""A session's threads."""

from typing import Any

from sqlalchemy import Connection, select

from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.session_rows import session_row
from journeyman.store.tables import threads
from journeyman.wire.errors import not_found
from journeyman.wire.ids import is_id
from journeyman.wire.lists import ThreadList

ThreadRow = dict[str, Any]


class Threads:
    """Reading them; the session's owner writes them with its log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retrieve(self, workspace: str, session_id: str, thread_id: str) -> ThreadRow:
        """Raises 404."""

        def work(connection: Connection) -> ThreadRow:
            session_row(connection, workspace, session_id)
            statement = select(threads).where(threads.c.session_id == session_id, threads.c.id == thread_id)
            row = connection.execute(statement).mappings().one_or_none() if is_id("sthr", thread_id) else None
            if row is None:
                raise not_found("Thread not found.")
            return dict(row)

        return await self._database.read(work)

    async def list(self, workspace: str, session_id: str, query: ThreadList) -> Page[ThreadRow]:
        """Oldest first: the primary thread leads."""
        cursor = read_cursor(query.page, "threads", "asc")

        def work(connection: Connection) -> list[ThreadRow]:
            session_row(connection, workspace, session_id)
            statement = select(threads).where(threads.c.session_id == session_id)
            if query.statuses:
                statement = statement.where(threads.c.status.in_(sorted(query.statuses)))
            statement = continue_from(statement, threads.c.id, cursor, "asc", query.limit)
            return [dict(row) for row in connection.execute(statement).mappings()]

        rows = await self._database.read(work)
        found = cut("threads", rows, "id", "created_at", cursor, "asc", query.limit)
        return Page(found.items, found.next_page)
