"""A session's events as clients see them: what they send goes into the inbox, and what they list comes from the log.

What is queued lists last, with no `processed_at`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, insert, or_, select, update

from journeyman.store.database import Database
from journeyman.store.outcomes import check_free, note_pending
from journeyman.store.page import Cursor, Page, read_cursor, within
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, event_body, load
from journeyman.store.session_rows import budget_of, lock_session, session_row
from journeyman.store.tables import events, inbox, sessions, threads
from journeyman.telemetry.cause import cause
from journeyman.wire.budgets import SETTLING, cap, reached
from journeyman.wire.crossposts import as_own
from journeyman.wire.errors import invalid
from journeyman.wire.ids import new_id
from journeyman.wire.lists import EventList
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_END = 2**62
_UNSEEN = ("session.updated", "session.thread_status_terminated")
"""What waits in an inbox but was not sent by a client."""

_EXTEND = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(inbox_seq=sessions.c.inbox_seq + bindparam("number", type_=BigInteger))
    .returning(sessions.c.inbox_seq)
)
_QUEUE = Prepared(insert(inbox))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into the inbox; `processed_at` is set for the types processed on receipt."""

    type: str
    fields: JsonObject
    processed_at: int | None = None
    id: str = field(default_factory=lambda: new_id("sevt"))
    trace: str | None = field(default_factory=cause)
    """The traceparent of the request that brings it."""


class Events:
    """Sending and listing."""

    def __init__(self, database: Database, consumed: Callable[[Mapping[str, Any]], int] = lambda _: 0) -> None:
        """`consumed` is what a session, by its row, has cost so far, in nano-dollars."""
        self._database = database
        self._consumed = consumed

    async def send(self, workspace: str, session_id: str, new: Sequence[NewEvent]) -> tuple[str | None, str | None]:
        """All or nothing; the process that owns the session and the host of its sandbox, if any.

        Raises 404, and 400 for an event that the session's state refuses.
        """

        def work(connection: Connection) -> tuple[str | None, str | None]:
            row = lock_session(connection, workspace, session_id)
            if row["status"] == "terminated":
                raise invalid(f"Session {session_id} is archived and accepts no events.")
            if row["dream_id"] is not None:
                raise invalid(f"Session {session_id} runs dream {row['dream_id']} and accepts no events.")
            limit = cap(budget_of(row))
            is_spent = limit is not None and self._consumed(row) >= limit
            for place, event in enumerate(new):
                if is_spent and event.type not in SETTLING:
                    raise reached(place, event.type)
                _check(connection, row, place, event, new)
            put_into_inbox(connection, session_id, new)
            note_pending(connection, row, new)
            return row["owner"], row["host"]

        return await self._database.write(work)

    async def list(
        self, workspace: str, session_id: str, query: EventList, *, thread_id: str | None = None
    ) -> Page[str]:
        """Rendered bodies, of the session or of one of its threads."""
        cursor = read_cursor(query.page, "events", query.order, query.created_at)

        def work(connection: Connection) -> list[_Listed]:
            row = session_row(connection, workspace, session_id)
            primary = thread_id is None or thread_id == row["thread_id"]
            return _listed(connection, session_id, query, cursor, None if thread_id is None else thread_id, primary)

        found = await self._database.read(work)
        items = found[: query.limit]
        if not items or len(found) <= query.limit:
            return Page([item.body for item in items], None)
        start = cursor.key if cursor is not None else ([0, 0] if query.order == "asc" else [_END, _END])
        logged = [item.seq for item in items if not item.queued]
        queued = [item.seq for item in items if item.queued]
        key = [logged[-1] if logged else start[0], queued[-1] if queued else start[1]]
        return Page([item.body for item in items], Cursor("events", query.order, key, items[-1].at).encode())


@dataclass(frozen=True, slots=True)
class _Listed:
    queued: bool
    seq: int
    at: int
    body: str


def put_into_inbox(connection: Connection, session_id: str, new: Sequence[NewEvent]) -> None:
    """Queue events behind what is there already."""
    extended = _EXTEND.first(connection, session=session_id, number=len(new))
    assert extended is not None, "the caller holds the session's row"
    end: int = extended["inbox_seq"]
    now = now_us()
    rows = [
        {
            "session_id": session_id,
            "seq": end - len(new) + 1 + place,
            "id": event.id,
            "type": event.type,
            "body": dump(event.fields),
            "received_at": now,
            "processed_at": event.processed_at,
            "trace": event.trace,
        }
        for place, event in enumerate(new)
    ]
    _QUEUE.many(connection, rows)


def _check(
    connection: Connection, session: Mapping[str, Any], place: int, event: NewEvent, new: Sequence[NewEvent]
) -> None:
    match event.type:
        case "user.tool_confirmation":
            target = event.fields["tool_use_id"]
            found = _event(connection, session["id"], target, "agent.tool_use", "agent.mcp_tool_use")
            if found is None:
                raise invalid(f"events.{place}.tool_use_id: {target} is not a tool use of this session")
            if found["evaluated_permission"] != "ask":
                raise invalid(f"events.{place}.tool_use_id: {target} does not wait for a confirmation")
        case "user.custom_tool_result":
            target = event.fields["custom_tool_use_id"]
            if _event(connection, session["id"], target, "agent.custom_tool_use") is None:
                raise invalid(f"events.{place}.custom_tool_use_id: {target} is not a custom tool use of this session")
        case "user.define_outcome":
            check_free(session, place)
        case "user.interrupt":
            thread = event.fields.get("session_thread_id")
            if thread is not None and not _is_thread(connection, session["id"], thread):
                raise invalid(f"events.{place}.session_thread_id: {thread} is not a thread of this session")
        case "system.message":
            after_result = place > 0 and new[place - 1].type == "user.custom_tool_result"
            if not after_result and _waits(connection, session):
                raise invalid(
                    f"events.{place}: while the session requires action, a system.message must follow a tool result "
                    "in the same request"
                )
        case _:
            pass


def _event(connection: Connection, session_id: str, event_id: str, *types: str) -> JsonObject | None:
    statement = select(events.c.body).where(
        events.c.id == event_id, events.c.session_id == session_id, events.c.type.in_(types)
    )
    body = connection.execute(statement).scalar_one_or_none()
    return None if body is None else load(body)


def _is_thread(connection: Connection, session_id: str, thread_id: str) -> bool:
    statement = select(threads.c.id).where(threads.c.session_id == session_id, threads.c.id == thread_id)
    return connection.execute(statement).scalar_one_or_none() is not None


def _waits(connection: Connection, session: Mapping[str, Any]) -> bool:
    """Whether the session last went idle because it requires action."""
    if session["status"] != "idle":
        return False
    statement = (
        select(events.c.body)
        .where(events.c.session_id == session["id"], events.c.type == "session.status_idle")
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    body = connection.execute(statement).scalar_one_or_none()
    return body is not None and load(body)["stop_reason"]["type"] == "requires_action"


def _listed(
    connection: Connection,
    session_id: str,
    query: EventList,
    cursor: Cursor | None,
    thread_id: str | None,
    primary: bool,
) -> list[_Listed]:
    """One item more than the page holds, when there is one. Ascending, the log comes first; descending, the queue.

    A cursor knows its place in both: what has moved from the queue into the log meanwhile is listed there (again).
    """
    logged, queued = cursor.key if cursor is not None else ((0, 0) if query.order == "asc" else (_END, _END))
    most = query.limit + 1

    def log(limit: int) -> list[_Listed]:
        return _from_log(connection, session_id, query, logged, limit, thread_id)

    def queue(limit: int) -> list[_Listed]:
        return _from_inbox(connection, session_id, query, queued, limit) if primary else []

    first, second = (log, queue) if query.order == "asc" else (queue, log)
    found = first(most)
    return found + second(most - len(found)) if len(found) < most else found


def _from_log(
    connection: Connection, session_id: str, query: EventList, start: int, limit: int, thread_id: str | None
) -> list[_Listed]:
    statement = select(events.c.seq, events.c.processed_at, events.c.body).where(
        events.c.session_id == session_id, *within(query.created_at, events.c.processed_at)
    )
    statement = statement.where(events.c.shown if thread_id is None else events.c.thread_id == thread_id)
    if query.types:
        statement = statement.where(events.c.type.in_(sorted(query.types)))
    statement = _behind(statement, events.c.seq, start, limit, ascending=query.order == "asc")
    rows = connection.execute(statement)
    return [_Listed(False, row.seq, row.processed_at, _shown_to(thread_id, row.body)) for row in rows]


def _shown_to(thread_id: str | None, body: str) -> str:
    """A rendered event for a list of the session, or of the thread."""
    if thread_id is None or f'"session_thread_id":"{thread_id}"' not in body:
        return body
    return dump(as_own(load(body)))


def _from_inbox(connection: Connection, session_id: str, query: EventList, start: int, limit: int) -> list[_Listed]:
    # A bound on processed_at leaves out what has none.
    window = within(query.created_at, inbox.c.processed_at)
    statement = select(inbox).where(inbox.c.session_id == session_id, inbox.c.type.not_in(_UNSEEN), *window)
    if query.types:
        statement = statement.where(or_(*(inbox.c.type == type_ for type_ in sorted(query.types))))
    statement = _behind(statement, inbox.c.seq, start, limit, ascending=query.order == "asc")
    return [
        _Listed(
            True, row.seq, row.processed_at or row.received_at,
            dump(event_body(row.id, row.type, row.processed_at, load(row.body))),
        )
        for row in connection.execute(statement)
    ]  # fmt: skip


def _behind(
    statement: Select[*tuple[Any, ...]], seq: ColumnElement[int], start: int, limit: int, *, ascending: bool
) -> Select[*tuple[Any, ...]]:
    statement = statement.where(seq > start if ascending else seq < start)
    return statement.order_by(seq.asc() if ascending else seq.desc()).limit(limit)
