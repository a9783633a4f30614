"""The event log in SQL: claim, read, append under a fence."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, delete, exists, func, insert, select, update

from journeyman.store import owners
from journeyman.store.database import Database
from journeyman.store.owners import Owner
from journeyman.store.port import (
    Batch,
    Birth,
    Claim,
    DamagedLog,
    Elsewhere,
    InboxItem,
    LostOwnership,
    Patch,
    Row,
    ThreadPatch,
)
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.session_rows import budget_of, memory_stores_of, vault_ids_of
from journeyman.store.tables import events, inbox, sessions, threads

_INSERT = Prepared(insert(events))
_TAKE = Prepared(delete(inbox).where(inbox.c.session_id == bindparam("session"), inbox.c.seq == bindparam("place")))
_CLAIM = Prepared(
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.status != "terminated")
    .values(fence=sessions.c.fence + 1)
    .returning(sessions)
)
_INBOX = Prepared(
    select(
        sessions.c.inbox_seq,
        sessions.c.fence,
        inbox.c.seq,
        inbox.c.id,
        inbox.c.type,
        inbox.c.body,
        inbox.c.processed_at,
        inbox.c.trace,
    )
    .join_from(sessions, inbox, inbox.c.session_id == sessions.c.id, isouter=True)
    .where(sessions.c.id == bindparam("session"))
    .order_by(inbox.c.seq)
)


@cache
def _update(columns: tuple[str, ...], *, closing: bool) -> Prepared:
    """Of a session's row, under its fence; `closing`: if nothing was sent meanwhile."""
    statement = update(sessions).where(sessions.c.id == bindparam("session"), sessions.c.fence == bindparam("mine"))
    if closing:
        statement = statement.where(sessions.c.inbox_seq == bindparam("looked_at"))
    return Prepared(statement.values({name: bindparam(name) for name in columns}))


_NEW_THREAD = Prepared(insert(threads))


@cache
def _update_thread(columns: tuple[str, ...], *, begins: bool) -> Prepared:
    """Of a thread's row; `begins`: it may be running for the first time."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    if begins:
        took = bindparam("now", type_=BigInteger) - threads.c.created_at
        values["startup_us"] = func.coalesce(threads.c.startup_us, took)
    return Prepared(update(threads).where(threads.c.id == bindparam("thread")).values(values))


class SqlLog:
    """The SessionLog on a Database. Without an `owner` this process is the only one, and owns every session."""

    def __init__(self, database: Database, owner: Owner | None = None) -> None:
        self._database = database
        self._owner = owner

    async def claim(self, session_id: str) -> Claim | None:
        owner = self._owner
        return await self._database.write(lambda connection: _claim(connection, session_id, owner))

    async def confirm(self, session_id: str, fence: int) -> None:
        await self._database.read(lambda connection: _confirm(connection, session_id, fence))

    async def reside(self, session_id: str, fence: int) -> None:
        owner = self._owner
        if owner is not None:
            await self._database.write(lambda connection: _reside(connection, session_id, fence, owner.host))

    async def rows(self, session_id: str, after: int = 0) -> list[Row]:
        return await self._database.read(lambda connection: _rows(connection, session_id, after))

    async def inbox(self, session_id: str, fence: int | None = None) -> tuple[list[InboxItem], int]:
        return await self._database.read(lambda connection: _inbox(connection, session_id, fence))

    async def append(self, session_id: str, fence: int, batch: Batch) -> bool:
        owner = self._owner.id if self._owner is not None else None
        return await self._database.write(lambda connection: _append(connection, session_id, fence, batch, owner))

    async def unfinished(self) -> list[tuple[str, int | None]]:
        return await self._database.read(_unfinished)


def _claim(connection: Connection, session_id: str, owner: Owner | None) -> Claim | None:
    alive = sessions.c.id == session_id, sessions.c.status != "terminated"
    if owner is None:
        row = _CLAIM.first(connection, session=session_id)
    else:
        statement = update(sessions).where(*alive, *owners.free_for(connection, owner))
        statement = statement.values(fence=sessions.c.fence + 1, owner=owner.id).returning(sessions)
        found = connection.execute(statement).mappings().one_or_none()
        row = None if found is None else dict(found)
    if row is None:
        found = connection.execute(select(sessions.c.owner, sessions.c.host).where(*alive)).one_or_none()
        if found is not None:
            raise Elsewhere(found.owner, found.host)
        return None
    return Claim(
        session_id=session_id,
        workspace_id=row["workspace_id"],
        fence=row["fence"],
        head=row["head"],
        last_at=row["last_at"],
        seen_seq=row["seen_seq"],
        thread_id=row["thread_id"],
        agent=load(row["agent"]),
        environment=load(row["environment"]),
        created_at=row["created_at"],
        vault_ids=vault_ids_of(row),
        budget=budget_of(row),
        memory_stores=memory_stores_of(row),
        has_repositories="github_repository" in (row["resources"] or ""),
        leased=owner is not None,
        resident=owner is not None and row["host"] == owner.host,
        moved=owner is not None and row["host"] not in (None, owner.host),
        skills=load(row["skills"]) if row["skills"] else (),
        dream_id=row["dream_id"],
        status=row["status"],
        usage=load(row["usage"]),
        active_us=row["active_us"],
    )


def _confirm(connection: Connection, session_id: str, fence: int) -> None:
    if connection.execute(select(sessions.c.fence).where(sessions.c.id == session_id)).scalar() != fence:
        raise LostOwnership(session_id)


def _reside(connection: Connection, session_id: str, fence: int, host: str) -> None:
    mine = sessions.c.id == session_id, sessions.c.fence == fence
    if connection.execute(update(sessions).where(*mine).values(host=host)).rowcount == 0:
        raise LostOwnership(session_id)


def _rows(connection: Connection, session_id: str, after: int) -> list[Row]:
    statement = select(events).where(events.c.session_id == session_id, events.c.seq > after).order_by(events.c.seq)
    return [_row(row) for row in connection.execute(statement)]


def _row(row: Any) -> Row:
    try:
        body, private = load(row.body), None if row.private is None else load(row.private)
    except ValueError as error:
        raise DamagedLog(f"event {row.id} (the {row.seq}. of its log) is damaged: {error}") from None
    return Row(row.seq, row.id, row.type, row.thread_id, row.shown, row.processed_at, body, private)


def _inbox(connection: Connection, session_id: str, fence: int | None) -> tuple[list[InboxItem], int]:
    rows = _INBOX.rows(connection, session=session_id)
    if fence is not None and (not rows or rows[0]["fence"] != fence):
        raise LostOwnership(session_id)
    items = [
        InboxItem(row["seq"], row["id"], row["type"], load(row["body"]), row["processed_at"], row["trace"])
        for row in rows
        if row["seq"] is not None
    ]
    return items, rows[0]["inbox_seq"] if rows else 0


def _append(connection: Connection, session_id: str, fence: int, batch: Batch, owner: str | None) -> bool:
    if batch.closing and _advance(connection, session_id, fence, batch, None, closing=True):
        _insert(connection, session_id, [*batch.rows, *batch.closing], batch.taken)
        _write_threads(connection, session_id, [*batch.threads, *batch.closing_threads])
        return True
    if not _advance(connection, session_id, fence, batch, None if batch.release else owner, closing=False):
        raise LostOwnership(session_id)
    _insert(connection, session_id, batch.rows, batch.taken)
    _write_threads(connection, session_id, batch.threads)
    return not batch.closing


def _advance(
    connection: Connection, session_id: str, fence: int, batch: Batch, owner: str | None, *, closing: bool
) -> bool:
    rows = [*batch.rows, *batch.closing] if closing else batch.rows
    patch = batch.closing_patch if closing else batch.patch
    values: dict[str, Any] = {"seen_seq": batch.seen, "owner": owner}
    if rows:
        latest = max(row.processed_at for row in rows)
        values |= {"head": rows[-1].seq, "last_at": latest, "updated_at": latest}
    values |= _columns(patch)
    condition = {"session": session_id, "mine": fence} | ({"looked_at": batch.seen} if closing else {})
    return _update(tuple(values), closing=closing).change(connection, **values, **condition) > 0


def _columns(patch: Patch) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if patch.status is not None:
        values |= {"status": patch.status, "running_since": patch.running_since, "due_at": patch.due_at}
    if patch.usage is not None:
        values["usage"] = dump(patch.usage)
    if patch.active_us is not None:
        values["active_us"] = patch.active_us
    if patch.outcomes is not None:
        values["outcomes"] = dump(patch.outcomes)
    return values


def _write_threads(connection: Connection, session_id: str, patches: list[ThreadPatch]) -> None:
    for patch in patches:
        if patch.birth is not None:
            _NEW_THREAD.many(connection, [_new_thread(session_id, patch, patch.birth)])
        values: dict[str, Any] = {
            "status": patch.status,
            "active_us": patch.active_us,
            "running_since": patch.running_since,
            "updated_at": patch.at,
        }
        if patch.usage is not None:
            values["usage"] = dump(patch.usage)
        begins = patch.status == "running"
        now = {"now": patch.at} if begins else {}
        _update_thread(tuple(values), begins=begins).change(connection, **values, **now, thread=patch.id)


def _new_thread(session_id: str, patch: ThreadPatch, birth: Birth) -> dict[str, Any]:
    return {
        "id": patch.id,
        "session_id": session_id,
        "parent_thread_id": birth.parent,
        "agent": dump(birth.agent),
        "workflow_run_id": birth.run_id,
        "status": patch.status,
        "usage": None,
        "active_us": 0,
        "running_since": None,
        "startup_us": 0,
        "created_at": birth.created_at,
        "updated_at": patch.at,
        "archived_at": None,
    }


def _insert(connection: Connection, session_id: str, rows: list[Row], taken: list[int]) -> None:
    if rows:
        _INSERT.many(
            connection,
            [
                {
                    "session_id": session_id,
                    "seq": row.seq,
                    "id": row.id,
                    "type": row.type,
                    "thread_id": row.thread_id,
                    "shown": row.shown,
                    "processed_at": row.processed_at,
                    "body": dump(row.body),
                    "private": None if row.private is None else dump(row.private),
                }
                for row in rows
            ],
        )
    if taken:
        _TAKE.many(connection, [{"session": session_id, "place": place} for place in taken])


def _unfinished(connection: Connection) -> list[tuple[str, int | None]]:
    unread = exists().where(inbox.c.session_id == sessions.c.id)
    working = sessions.c.status.in_(("running", "rescheduling"))
    due_at = case((unread, None), else_=sessions.c.due_at)
    statement = select(sessions.c.id, due_at.label("due_at"))
    rows = connection.execute(statement.where(sessions.c.status != "terminated", unread | working))
    return [(row.id, row.due_at) for row in rows]
