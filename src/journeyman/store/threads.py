"""A session's threads."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from journeyman.store.database import Database
from journeyman.store.events import NewEvent, put_into_inbox
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.rendering import load
from journeyman.store.session_rows import lock_session, session_row
from journeyman.store.tables import threads
from journeyman.wire.errors import invalid, not_found
from journeyman.wire.ids import is_id
from journeyman.wire.lists import ThreadList
from journeyman.wire.rosters import ADVISOR_NAME
from journeyman.wire.times import now_us

ThreadRow = dict[str, Any]


class Threads:
    """Reading them; the session's owner writes them with its log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retrieve(self, workspace: str, session_id: str, thread_id: str) -> ThreadRow:
        """Raises 404."""

        def work(connection: Connection) -> ThreadRow:
            session_row(connection, workspace, session_id)
            return _thread_row(connection, session_id, thread_id)

        return await self._database.read(work)

    async def archive(self, workspace: str, session_id: str, thread_id: str) -> tuple[ThreadRow, Sequence[str | None]]:
        """The thread, and which process and host are to be told of it. Raises 404, and 400 for one that is at work.

        Its status changes at once; the session's owner says so in the log.
        """

        def work(connection: Connection) -> tuple[ThreadRow, Sequence[str | None]]:
            session = lock_session(connection, workspace, session_id)
            row = _thread_row(connection, session_id, thread_id)
            whom = (session["owner"], session["host"])
            if row["archived_at"] is not None:
                return row, whom
            _check_archivable(row)
            now = now_us()
            change = {"status": "terminated", "archived_at": now, "updated_at": now}
            connection.execute(update(threads).where(threads.c.id == thread_id).values(change))
            if row["status"] != "terminated":
                told = {"agent_name": name_of(row), "session_thread_id": thread_id}
                put_into_inbox(connection, session_id, [NewEvent("session.thread_status_terminated", told)])
            return row | change, whom

        return await self._database.write(work)

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


def name_of(row: ThreadRow) -> str:
    """Of a thread's agent."""
    agent = load(row["agent"])
    return ADVISOR_NAME if agent["type"] == "advisor" else agent["name"]


def _thread_row(connection: Connection, session_id: str, thread_id: str) -> ThreadRow:
    statement = select(threads).where(threads.c.session_id == session_id, threads.c.id == thread_id)
    row = connection.execute(statement).mappings().one_or_none() if is_id("sthr", thread_id) else None
    if row is None:
        raise not_found("Thread not found.")
    return dict(row)


def _check_archivable(row: ThreadRow) -> None:
    if row["parent_thread_id"] is None:
        raise invalid("The primary thread cannot be archived; archive its session instead.")
    if row["status"] not in ("idle", "terminated"):
        raise invalid(f'Thread {row["id"]} cannot be archived while its status is "{row["status"]}".')
