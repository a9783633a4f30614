"""Memory stores."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor, within
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.tables import memories, memory_stores, memory_versions, mounted_memories
from journeyman.wire import metadata
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.memory_stores import (
    MemoryStoreCreate,
    MemoryStoreList,
    MemoryStoreUpdate,
    no_store,
    store_archived,
)
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]
StoreRow = Mapping[str, Any]

_BY_ID = select(memory_stores).where(
    memory_stores.c.id == bindparam("store"), memory_stores.c.workspace_id == bindparam("workspace")
)
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())


class MemoryStores:
    """Archivable, deletable, one workspace's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, create: MemoryStoreCreate) -> JsonObject:
        name, description, about = create.name, create.description or "", dump(create.metadata or {})
        row = await self._database.write(
            lambda connection: insert_store(connection, workspace, name, description, about)
        )
        return _rendered(row)

    async def retrieve(self, workspace: str, store_id: str) -> JsonObject:
        """Raises 404."""
        return _rendered(await self._database.read(lambda connection: find_store(connection, workspace, store_id)))

    async def update(self, workspace: str, store_id: str, change: MemoryStoreUpdate) -> JsonObject:
        """Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            row = lock_store(connection, workspace, store_id)
            after = {
                "name": change.name or row["name"],
                "description": row["description"] if change.description is None else change.description,
                "metadata": dump(metadata.patched(load(row["metadata"]), change.metadata)),
            }
            if all(row[key] == value for key, value in after.items()):
                return _rendered(row)
            return self._changed(connection, row, after)

        return await self._database.write(work)

    async def archive(self, workspace: str, store_id: str) -> JsonObject:
        """Idempotent: from then on it is only read."""

        def work(connection: Connection) -> JsonObject:
            row = find_store(connection, workspace, store_id, lock=True)
            return _rendered(row) if row["archived_at"] else self._changed(connection, row, {"archived_at": now_us()})

        return await self._database.write(work)

    async def delete(self, workspace: str, store_id: str) -> JsonObject:
        """With its memories and their versions. Raises 404."""

        def work(connection: Connection) -> None:
            find_store(connection, workspace, store_id, lock=True)
            for table in (memories, memory_versions, mounted_memories):
                connection.execute(delete(table).where(table.c.store_id == store_id))
            connection.execute(delete(memory_stores).where(memory_stores.c.id == store_id))

        await self._database.write(work)
        return {"id": store_id, "type": "memory_store_deleted"}

    async def list(self, workspace: str, query: MemoryStoreList) -> Page[JsonObject]:
        """Newest first."""
        cursor = read_cursor(query.page, "memory stores", "desc", query.created_at)
        statement = select(memory_stores).where(
            memory_stores.c.workspace_id == workspace, *within(query.created_at, memory_stores.c.created_at)
        )
        if not query.include_archived:
            statement = statement.where(memory_stores.c.archived_at.is_(None))
        statement = continue_from(statement, memory_stores.c.id, cursor, "desc", query.limit)
        rows = await self._database.read(lambda connection: list(connection.execute(statement).mappings()))
        found = cut("memory stores", [dict(row) for row in rows], "id", "created_at", cursor, "desc", query.limit)
        return Page([_rendered(row) for row in found.items], found.next_page)

    @staticmethod
    def _changed(connection: Connection, row: StoreRow, values: Mapping[str, Any]) -> JsonObject:
        after = {**values, "updated_at": now_us()}
        connection.execute(update(memory_stores).where(memory_stores.c.id == row["id"]).values(after))
        return _rendered({**row, **after})


def insert_store(connection: Connection, workspace: str, name: str, description: str, about: str) -> StoreRow:
    """A new store, without memories; `about` is its metadata as JSON."""
    now = now_us()
    row = {
        "id": new_id("memstore"),
        "workspace_id": workspace,
        "name": name,
        "description": description,
        "metadata": about,
        "changes": 0,
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
    }
    connection.execute(insert(memory_stores).values(row))
    return row


def find_store(connection: Connection, workspace: str, store_id: str, *, lock: bool = False) -> StoreRow:
    """Its row. Raises 404."""
    statement = _LOCKED if lock else _FOUND
    row = statement.first(connection, store=store_id, workspace=workspace) if is_id("memstore", store_id) else None
    if row is None:
        raise no_store()
    return row


def lock_store(connection: Connection, workspace: str, store_id: str) -> StoreRow:
    """The row of one that may be changed, held until the transaction ends. Raises 404, 400."""
    row = find_store(connection, workspace, store_id, lock=True)
    if row["archived_at"] is not None:
        raise store_archived(store_id)
    return row


def changes_of(connection: Connection, store_ids: Sequence[str]) -> dict[str, int]:
    """How much has happened to each store that there is."""
    statement = select(memory_stores.c.id, memory_stores.c.changes).where(memory_stores.c.id.in_(store_ids))
    return {row.id: row.changes for row in connection.execute(statement)}


def _rendered(row: StoreRow) -> JsonObject:
    archived_at = row["archived_at"]
    return {
        "id": row["id"],
        "type": "memory_store",
        "name": row["name"],
        "description": row["description"],
        "metadata": load(row["metadata"]),
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": None if archived_at is None else to_wire(archived_at),
    }
