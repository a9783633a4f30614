"""Memories: texts at paths, every change of which is a version."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from journeyman.store.database import Database
from journeyman.store.memory_stores import find_store, lock_store
from journeyman.store.page import Cursor, Page, read_cursor
from journeyman.store.prepared import Prepared
from journeyman.store.tables import memories, memory_stores, memory_versions
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.memories import (
    MOST_MEMORIES,
    MemoryCreate,
    MemoryList,
    MemoryUpdate,
    View,
    no_memory,
    path_taken,
    precondition_failed,
    store_full,
)
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]
MemoryRow = Mapping[str, Any]

_LAST = "\U0010ffff"
_BATCH = 500
_FOUND = Prepared(
    select(memories).where(memories.c.id == bindparam("memory"), memories.c.store_id == bindparam("store"))
)
_AT = Prepared(select(memories).where(memories.c.store_id == bindparam("store"), memories.c.path == bindparam("path")))


class Actor(NamedTuple):
    """Who changes a memory."""

    type: str
    """session_actor or api_actor."""
    id: str


class Memories:
    """Of one workspace's stores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, store_id: str, create: MemoryCreate, actor: Actor, view: View) -> JsonObject:
        """Raises 404, 400, 409."""

        def work(connection: Connection) -> JsonObject:
            lock_store(connection, workspace, store_id)
            return render_memory(add(connection, store_id, create.path, create.content or "", actor), view)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, store_id: str, memory_id: str, view: View) -> JsonObject:
        """Raises 404."""

        def work(connection: Connection) -> JsonObject:
            find_store(connection, workspace, store_id)
            return render_memory(_find(connection, store_id, memory_id), view)

        return await self._database.read(work)

    async def update(
        self, workspace: str, store_id: str, memory_id: str, change: MemoryUpdate, actor: Actor, view: View
    ) -> JsonObject:
        """Raises 404, 400, 409."""

        def work(connection: Connection) -> JsonObject:
            lock_store(connection, workspace, store_id)
            row = _find(connection, store_id, memory_id)
            if change.precondition is not None and row["sha256"] != change.precondition.content_sha256:
                raise precondition_failed()
            path = change.path or row["path"]
            content = row["content"] if change.content is None else change.content
            if (path, content) == (row["path"], row["content"]):
                return render_memory(row, view)
            return render_memory(change_memory(connection, row, path, content, actor), view)

        return await self._database.write(work)

    async def delete(
        self, workspace: str, store_id: str, memory_id: str, expected: str | None, actor: Actor
    ) -> JsonObject:
        """Also from an archived store. Raises 404, 409."""

        def work(connection: Connection) -> None:
            find_store(connection, workspace, store_id, lock=True)
            row = _find(connection, store_id, memory_id)
            if expected is not None and row["sha256"] != expected:
                raise precondition_failed()
            remove(connection, row, actor)

        await self._database.write(work)
        return {"id": memory_id, "type": "memory_deleted"}

    async def list(self, workspace: str, store_id: str, query: MemoryList) -> Page[JsonObject]:
        """In the order of their paths. Raises 404."""
        cursor = read_cursor(query.page, "memories", "asc")

        def work(connection: Connection) -> Page[JsonObject]:
            find_store(connection, workspace, store_id)
            place, found = query.prefix if cursor is None else cursor.key, list[tuple[str, JsonObject]]()
            while len(found) <= query.limit:
                rows = _behind(connection, store_id, query.prefix, place, query.limit + 1)
                for row in rows:
                    if row["path"] > place:  # else it is below a directory that is listed as one
                        place, item = _listed(row, query)
                        found.append((place, item))
                if len(rows) <= query.limit:
                    break
            page = found[: query.limit]
            more = len(found) > query.limit
            token = Cursor("memories", "asc", page[-1][0], 0).encode() if more else None
            return Page([item for _, item in page], token)

        return await self._database.read(work)


def add(connection: Connection, store_id: str, path: str, content: str, actor: Actor) -> MemoryRow:
    """A new memory in a store that is held. Raises 400, 409."""
    _check_free(connection, store_id, path)
    count = select(func.count()).select_from(memories).where(memories.c.store_id == store_id)
    if connection.execute(count).scalar_one() >= MOST_MEMORIES:
        raise store_full()
    row = {"id": new_id("mem"), "store_id": store_id, "path": path, "created_at": now_us()}
    return _write(connection, row, "created", path, content, actor)


def copy_memories(connection: Connection, source_id: str, store_id: str, actor: Actor) -> None:
    """All memories of a store, in the state of one moment, into an empty one that is held."""
    of_source = select(memories.c.path, memories.c.content, memories.c.sha256, memories.c.size)
    there = connection.execute(of_source.where(memories.c.store_id == source_id).order_by(memories.c.path))
    found = [dict(row) for row in there.mappings()]
    now = now_us()
    for start in range(0, len(found), _BATCH):
        rows, versions = list[JsonObject](), list[JsonObject]()
        for number, what in enumerate(found[start : start + _BATCH], start + 1):
            memory = {"id": new_id("mem"), "store_id": store_id, "version_id": new_id("memver"), "change": number}
            rows.append({**memory, **what, "created_at": now, "updated_at": now})
            version = {"id": memory["version_id"], "store_id": store_id, "memory_id": memory["id"]}
            by = {"operation": "created", "actor": actor.type, "actor_id": actor.id, "created_at": now}
            versions.append({**version, **what, **by})
        connection.execute(insert(memories), rows)
        connection.execute(insert(memory_versions), versions)
    counted = update(memory_stores).where(memory_stores.c.id == store_id).values(changes=len(found))
    connection.execute(counted)


def change_memory(connection: Connection, row: MemoryRow, path: str, content: str, actor: Actor) -> MemoryRow:
    """Another path, another content or both, in a store that is held. Raises 409."""
    if path != row["path"]:
        _check_free(connection, row["store_id"], path, besides=row["id"])
    return _write(connection, row, "modified", path, content, actor)


def remove(connection: Connection, row: MemoryRow, actor: Actor) -> None:
    """From a store that is held; the versions stay."""
    version = {"path": row["path"], "content": None, "sha256": None, "size": None}
    _version(connection, row, "deleted", version, actor)
    _count(connection, row["store_id"])
    connection.execute(delete(memories).where(memories.c.id == row["id"]))


def at_path(connection: Connection, store_id: str, path: str) -> MemoryRow | None:
    return _AT.first(connection, store=store_id, path=path)


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def render_memory(row: MemoryRow, view: View) -> JsonObject:
    return {
        "id": row["id"],
        "type": "memory",
        "memory_store_id": row["store_id"],
        "path": row["path"],
        "content": row["content"] if view == "full" else None,
        "content_sha256": row["sha256"],
        "content_size_bytes": row["size"],
        "memory_version_id": row["version_id"],
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
    }


def _find(connection: Connection, store_id: str, memory_id: str) -> MemoryRow:
    row = _FOUND.first(connection, memory=memory_id, store=store_id) if is_id("mem", memory_id) else None
    if row is None:
        raise no_memory()
    return row


def _listed(row: MemoryRow, query: MemoryList) -> tuple[str, JsonObject]:
    """A memory, or the directory that it is in; and the place from which the list goes on."""
    name, slash, _ = row["path"][len(query.prefix) :].partition("/")
    if slash and query.depth:
        path = f"{query.prefix}{name}/"
        return path + _LAST, {"type": "memory_prefix", "path": path}
    return row["path"], render_memory(row, query.view)


def _behind(connection: Connection, store_id: str, prefix: str, place: str, count: int) -> list[JsonObject]:
    statement = (
        select(memories)
        .where(memories.c.store_id == store_id, memories.c.path > place, memories.c.path < prefix + _LAST)
        .order_by(memories.c.path)
        .limit(count)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def _check_free(connection: Connection, store_id: str, path: str, besides: str = "") -> None:
    """A memory is a file where a sandbox has it: none can lie below another one."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(2, len(parts))]
    below = and_(memories.c.path > f"{path}/", memories.c.path < f"{path}/{_LAST}")
    taken = or_(memories.c.path.in_([path, *above]), below)
    mine = (memories.c.store_id == store_id) & (memories.c.id != besides)
    found = connection.execute(select(memories.c.path).where(mine, taken).limit(1)).scalar()
    if found is not None:
        raise path_taken(found)


def _write(connection: Connection, row: MemoryRow, operation: str, path: str, content: str, actor: Actor) -> MemoryRow:
    what = {"path": path, "content": content, "sha256": digest(content), "size": len(content.encode())}
    version_id, now = _version(connection, row, operation, what, actor)
    change = _count(connection, row["store_id"])
    values = {**what, "version_id": version_id, "change": change, "updated_at": now}
    if operation == "created":
        connection.execute(insert(memories).values({**row, **values}))
    else:
        connection.execute(update(memories).where(memories.c.id == row["id"]).values(values))
    return {**row, **values}


def _version(
    connection: Connection, row: MemoryRow, operation: str, what: Mapping[str, Any], actor: Actor
) -> tuple[str, int]:
    """Its id and time."""
    version_id, now = new_id("memver"), now_us()
    place = {"id": version_id, "store_id": row["store_id"], "memory_id": row["id"], "operation": operation}
    by = {"actor": actor.type, "actor_id": actor.id, "created_at": now}
    connection.execute(insert(memory_versions).values({**place, **what, **by}))
    return version_id, now


def _count(connection: Connection, store_id: str) -> int:
    """The number of one more change."""
    counted = update(memory_stores).where(memory_stores.c.id == store_id).values(changes=memory_stores.c.changes + 1)
    return connection.execute(counted.returning(memory_stores.c.changes)).scalar_one()
