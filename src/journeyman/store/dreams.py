"""Dreams, as clients make, see and end them. What they come to is in `dreaming.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from journeyman.store.database import Database
from journeyman.store.events import NewEvent, put_into_inbox
from journeyman.store.memory_stores import find_store
from journeyman.store.page import Page, continue_from, cut, read_cursor, within
from journeyman.store.port import Followed
from journeyman.store.rendering import dump, load
from journeyman.store.tables import dreams, events, sessions
from journeyman.wire import dreams as wire
from journeyman.wire.dreams import DreamCreate, DreamList, MemoryStoreInput, SessionsInput
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]
DreamRow = Mapping[str, Any]

NOTHING = {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}


class Dreams:
    """One workspace's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, create: DreamCreate) -> JsonObject:
        """Pending. Raises 404, 400, 409."""

        def work(connection: Connection) -> JsonObject:
            _check_store(connection, workspace, create)
            _check_sessions(connection, workspace, create)
            row = _new_row(workspace, create)
            connection.execute(insert(dreams).values(row))
            return _rendered(row, NOTHING)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, dream_id: str) -> JsonObject:
        """Raises 404."""

        def work(connection: Connection) -> JsonObject:
            row = _find(connection, workspace, dream_id)
            return _rendered(row, used(connection, row))

        return await self._database.read(work)

    async def list(self, workspace: str, query: DreamList) -> Page[JsonObject]:
        """Newest first."""
        cursor = read_cursor(query.page, "dreams", "desc", query.created_at)
        statement = select(dreams).where(
            dreams.c.workspace_id == workspace, *within(query.created_at, dreams.c.created_at)
        )
        if not query.include_archived:
            statement = statement.where(dreams.c.archived_at.is_(None))
        if query.statuses:
            statement = statement.where(dreams.c.status.in_(sorted(query.statuses)))
        statement = continue_from(statement, dreams.c.id, cursor, "desc", query.limit)

        def work(connection: Connection) -> Page[JsonObject]:
            rows = [dict(row) for row in connection.execute(statement).mappings()]
            found = cut("dreams", rows, "id", "created_at", cursor, "desc", query.limit)
            return Page([_rendered(row, used(connection, row)) for row in found.items], found.next_page)

        return await self._database.read(work)

    async def cancel(self, workspace: str, dream_id: str) -> tuple[JsonObject, Followed | None]:
        """At once, whatever its session does; that is interrupted. Raises 404, 400."""

        def work(connection: Connection) -> tuple[JsonObject, Followed | None]:
            row = _find(connection, workspace, dream_id, lock=True)
            if row["status"] == "canceled":
                return _rendered(row, used(connection, row)), None
            if row["status"] not in ("pending", "running"):
                raise wire.not_cancelable(dream_id, row["status"])
            now = now_us()
            after = {"status": "canceled", "ended_at": now}
            if row["session_id"] is None:
                after |= {"stopped_at": now, "usage": dump(NOTHING)}
            connection.execute(update(dreams).where(dreams.c.id == dream_id).values(after))
            cut_off = interrupt(connection, row["session_id"])
            return _rendered({**row, **after}, used(connection, {**row, **after})), cut_off

        return await self._database.write(work)

    async def archive(self, workspace: str, dream_id: str) -> JsonObject:
        """Idempotent, of one that is over. Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            row = _find(connection, workspace, dream_id, lock=True)
            if row["status"] not in wire.OVER:
                raise wire.not_archivable(dream_id, row["status"])
            if row["archived_at"] is None:
                row = {**row, "archived_at": now_us()}
                values = {"archived_at": row["archived_at"]}
                connection.execute(update(dreams).where(dreams.c.id == dream_id).values(values))
            return _rendered(row, used(connection, row))

        return await self._database.write(work)


def interrupt(connection: Connection, session_id: str | None) -> Followed | None:
    """Have a dream's session end its turn; None when it is over already."""
    alive = sessions.c.id == session_id, sessions.c.status != "terminated"
    found = connection.execute(select(sessions).where(*alive).with_for_update()).mappings().one_or_none()
    if found is None:
        return None
    put_into_inbox(connection, found["id"], [NewEvent("user.interrupt", {"session_thread_id": None})])
    return Followed(found["id"], False, found["owner"], found["host"])


def used(connection: Connection, row: DreamRow) -> JsonObject:
    """The tokens of a dream so far: as they were settled, else as its session's log has them."""
    if row["usage"] is not None:
        return load(row["usage"])
    total = dict(NOTHING)
    if row["session_id"] is not None:
        ends = select(events.c.body).where(
            events.c.session_id == row["session_id"], events.c.type == "span.model_request_end"
        )
        for body in connection.execute(ends).scalars():
            spent = load(body)["model_usage"]
            total = {name: count + spent[name] for name, count in total.items()}
    return total


def _new_row(workspace: str, create: DreamCreate) -> JsonObject:
    return {
        "id": new_id("drm"),
        "workspace_id": workspace,
        "store_id": create.store[1].memory_store_id,
        "inputs": dump([_input(each) for each in create.inputs]),
        "in_place": int(create.in_place),
        "model": dump({"id": create.model.id, "speed": "standard"}),
        "instructions": create.instructions,
        "status": "pending",
        "session_id": None,
        "output_id": None,
        "heads": None,
        "usage": None,
        "error": None,
        "created_at": now_us(),
        "began_at": None,
        "ended_at": None,
        "stopped_at": None,
        "archived_at": None,
    }


def _input(given: MemoryStoreInput | SessionsInput) -> JsonObject:
    if isinstance(given, MemoryStoreInput):
        return given.model_dump()
    return {"type": "sessions", "session_ids": sorted(given.session_ids)}


def session_ids_of(row: DreamRow) -> Sequence[str]:
    """Of the sessions that it reads."""
    return next(each["session_ids"] for each in load(row["inputs"]) if each["type"] == "sessions")


def _check_store(connection: Connection, workspace: str, create: DreamCreate) -> None:
    place, wanted = create.store
    store_id = wanted.memory_store_id
    try:
        store = find_store(connection, workspace, store_id, lock=create.in_place)
    except ApiError:
        raise wire.missing_store(place, store_id) from None
    if store["archived_at"] is not None:
        raise wire.archived_store(place, store_id)
    if create.in_place:
        open_ = dreams.c.store_id == store_id, dreams.c.in_place == 1, dreams.c.stopped_at.is_(None)
        other = connection.execute(select(dreams.c.id).where(*open_)).scalars().first()
        if other is not None:
            raise wire.store_in_use(store_id, other)


def _check_sessions(connection: Connection, workspace: str, create: DreamCreate) -> None:
    place, wanted = create.sessions
    there = known_sessions(connection, workspace, wanted.session_ids)
    for number, session_id in enumerate(wanted.session_ids):
        if session_id not in there:
            raise wire.missing_session(place, number, session_id)


def known_sessions(connection: Connection, workspace: str, session_ids: Sequence[str]) -> dict[str, int]:
    """The ends of the logs of those that there are."""
    mine = sessions.c.workspace_id == workspace, sessions.c.id.in_(session_ids)
    return {row.id: row.head for row in connection.execute(select(sessions.c.id, sessions.c.head).where(*mine))}


def _find(connection: Connection, workspace: str, dream_id: str, *, lock: bool = False) -> DreamRow:
    mine = select(dreams).where(dreams.c.id == dream_id, dreams.c.workspace_id == workspace)
    statement = mine.with_for_update() if lock else mine
    row = connection.execute(statement).mappings().one_or_none() if is_id("drm", dream_id) else None
    if row is None:
        raise wire.no_dream()
    return dict(row)


def _rendered(row: DreamRow, usage: JsonObject) -> JsonObject:
    in_place = {"type": "update_existing", "memory_store_id": row["store_id"]}
    output = row["output_id"]
    return {
        "id": row["id"],
        "type": "dream",
        "status": row["status"],
        "inputs": load(row["inputs"]),
        "outputs": [] if output is None else [{"type": "memory_store", "memory_store_id": output}],
        "output_behavior": in_place if row["in_place"] else {"type": "create_new"},
        "model": load(row["model"]),
        "instructions": row["instructions"],
        "session_id": row["session_id"],
        "usage": usage,
        "error": load(row["error"]) if row["error"] else None,
        "created_at": to_wire(row["created_at"]),
        "ended_at": _time(row["ended_at"]),
        "archived_at": _time(row["archived_at"]),
    }


def _time(us: int | None) -> str | None:
    return None if us is None else to_wire(us)
