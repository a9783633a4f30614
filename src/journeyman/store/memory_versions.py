"""The versions of memories: what was changed, when, and by whom."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update

from journeyman.store.database import Database
from journeyman.store.memory_stores import find_store
from journeyman.store.page import Page, continue_from, cut, read_cursor, within
from journeyman.store.tables import memories, memory_versions
from journeyman.wire.ids import is_id
from journeyman.wire.memories import MemoryVersionList, View, is_live, no_memory_version
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]

_BATCH = 500

_IDS = {"session_actor": "session_id", "api_actor": "api_key_id", "service_account_actor": "service_account_id"}


class MemoryVersions:
    """Of one workspace's stores. Only redaction changes one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retrieve(self, workspace: str, store_id: str, version_id: str, view: View) -> JsonObject:
        """Raises 404."""

        def work(connection: Connection) -> JsonObject:
            find_store(connection, workspace, store_id)
            return _rendered(_find(connection, store_id, version_id), view)

        return await self._database.read(work)

    async def redact(self, workspace: str, store_id: str, version_id: str, key_id: str) -> JsonObject:
        """Take out of it what it holds. Idempotent. Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            find_store(connection, workspace, store_id, lock=True)
            row = _find(connection, store_id, version_id)
            if row["redacted_at"] is not None:
                return _rendered(row, "full")
            if connection.execute(select(memories.c.id).where(memories.c.version_id == version_id)).first():
                raise is_live()
            nothing = dict.fromkeys(("path", "content", "sha256", "size"))
            values = {**nothing, "redacted_at": now_us(), "redacted_by": key_id}
            connection.execute(update(memory_versions).where(memory_versions.c.id == version_id).values(values))
            return _rendered({**row, **values}, "full")

        return await self._database.write(work)

    async def list(self, workspace: str, store_id: str, query: MemoryVersionList) -> Page[JsonObject]:
        """Newest first. Raises 404."""
        cursor = read_cursor(query.page, "memory versions", "desc", query.created_at)
        table = memory_versions.c
        statement = select(memory_versions).where(
            table.store_id == store_id, *within(query.created_at, table.created_at)
        )
        if query.memory_id is not None:
            statement = statement.where(table.memory_id == query.memory_id)
        if query.operation is not None:
            statement = statement.where(table.operation == query.operation)
        for kind, actor_id in query.actors:
            statement = statement.where(table.actor == kind, table.actor_id == actor_id)
        statement = continue_from(statement, table.id, cursor, "desc", query.limit)

        def work(connection: Connection) -> list[JsonObject]:
            find_store(connection, workspace, store_id)
            return [dict(row) for row in connection.execute(statement).mappings()]

        rows = await self._database.read(work)
        found = cut("memory versions", rows, "id", "created_at", cursor, "desc", query.limit)
        return Page([_rendered(row, query.view) for row in found.items], found.next_page)

    async def purge(self, before: int) -> bool:
        """Remove some versions older than `before` (µs) that no memory has now; whether there may be more."""
        live = select(memories.c.version_id)
        old = select(memory_versions.c.id).where(
            memory_versions.c.created_at < before, memory_versions.c.id.not_in(live)
        )

        def work(connection: Connection) -> bool:
            ids = list(connection.execute(old.limit(_BATCH)).scalars())
            connection.execute(delete(memory_versions).where(memory_versions.c.id.in_(ids)))
            return len(ids) == _BATCH

        return await self._database.write(work)


def _find(connection: Connection, store_id: str, version_id: str) -> Mapping[str, Any]:
    statement = select(memory_versions).where(
        memory_versions.c.id == version_id, memory_versions.c.store_id == store_id
    )
    row = connection.execute(statement).mappings().first() if is_id("memver", version_id) else None
    if row is None:
        raise no_memory_version()
    return dict(row)


def _rendered(row: Mapping[str, Any], view: View) -> JsonObject:
    redacted_at = row["redacted_at"]
    by = None if row["redacted_by"] is None else {"type": "api_actor", "api_key_id": row["redacted_by"]}
    return {
        "id": row["id"],
        "type": "memory_version",
        "memory_store_id": row["store_id"],
        "memory_id": row["memory_id"],
        "operation": row["operation"],
        "path": row["path"],
        "content": row["content"] if view == "full" else None,
        "content_sha256": row["sha256"],
        "content_size_bytes": row["size"],
        "created_at": to_wire(row["created_at"]),
        "created_by": {"type": row["actor"], _IDS[row["actor"]]: row["actor_id"]},
        "redacted_at": None if redacted_at is None else to_wire(redacted_at),
        "redacted_by": by,
    }
