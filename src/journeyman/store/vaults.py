"""Vaults: the credentials of one person or purpose, together."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.tables import credentials, vaults
from journeyman.wire import metadata
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.lists import VaultList
from journeyman.wire.times import now_us, to_wire
from journeyman.wire.vaults import VaultCreate, VaultUpdate, no_vault, vault_archived

JsonObject = dict[str, Any]

_BY_ID = select(vaults).where(vaults.c.id == bindparam("vault"), vaults.c.workspace_id == bindparam("workspace"))
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())


class Vaults:
    """Archivable, deletable, one workspace's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, create: VaultCreate) -> JsonObject:
        now = now_us()
        row = {
            "id": new_id("vlt"),
            "workspace_id": workspace,
            "display_name": create.display_name,
            "metadata": dump(create.metadata or {}),
            "created_at": now,
            "updated_at": now,
            "archived_at": None,
        }
        await self._database.write(lambda connection: connection.execute(insert(vaults).values(row)) and None)
        return _rendered(row)

    async def retrieve(self, workspace: str, vault_id: str) -> JsonObject:
        """Raises 404."""
        return _rendered(await self._database.read(lambda connection: find_vault(connection, workspace, vault_id)))

    async def update(self, workspace: str, vault_id: str, change: VaultUpdate) -> JsonObject:
        """Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            row = lock_vault(connection, workspace, vault_id)
            pairs = load(row["metadata"])
            after = {
                "display_name": change.display_name or row["display_name"],
                "metadata": dump(metadata.patched(pairs, change.metadata)),
            }
            if all(row[key] == value for key, value in after.items()):
                return _rendered(row)
            values = {**after, "updated_at": now_us()}
            connection.execute(update(vaults).where(vaults.c.id == vault_id).values(values))
            return _rendered({**row, **values})

        return await self._database.write(work)

    async def archive(self, workspace: str, vault_id: str) -> JsonObject:
        """Idempotent. Its credentials are archived with it, and their secrets are gone."""

        def work(connection: Connection) -> JsonObject:
            row = find_vault(connection, workspace, vault_id, lock=True)
            if row["archived_at"] is not None:
                return _rendered(row)
            values = {"archived_at": now_us(), "updated_at": now_us()}
            active = (credentials.c.vault_id == vault_id) & credentials.c.archived_at.is_(None)
            connection.execute(update(credentials).where(active).values({**values, "sealed": None}))
            connection.execute(update(vaults).where(vaults.c.id == vault_id).values(values))
            return _rendered({**row, **values})

        return await self._database.write(work)

    async def delete(self, workspace: str, vault_id: str) -> JsonObject:
        """With its credentials. Raises 404."""

        def work(connection: Connection) -> None:
            find_vault(connection, workspace, vault_id, lock=True)
            connection.execute(delete(credentials).where(credentials.c.vault_id == vault_id))
            connection.execute(delete(vaults).where(vaults.c.id == vault_id))

        await self._database.write(work)
        return {"id": vault_id, "type": "vault_deleted"}

    async def list(self, workspace: str, query: VaultList) -> Page[JsonObject]:
        """Newest first."""
        cursor = read_cursor(query.page, "vaults", "desc")
        statement = select(vaults).where(vaults.c.workspace_id == workspace)
        if not query.include_archived:
            statement = statement.where(vaults.c.archived_at.is_(None))
        statement = continue_from(statement, vaults.c.id, cursor, "desc", query.limit)
        rows = await self._database.read(lambda connection: list(connection.execute(statement).mappings()))
        found = cut("vaults", [dict(row) for row in rows], "id", "created_at", cursor, "desc", query.limit)
        return Page([_rendered(row) for row in found.items], found.next_page)


def find_vault(connection: Connection, workspace: str, vault_id: str, *, lock: bool = False) -> Mapping[str, Any]:
    """Its row. Raises 404."""
    statement = _LOCKED if lock else _FOUND
    row = statement.first(connection, vault=vault_id, workspace=workspace) if is_id("vlt", vault_id) else None
    if row is None:
        raise no_vault()
    return row


def lock_vault(connection: Connection, workspace: str, vault_id: str) -> Mapping[str, Any]:
    """The row of one that may be changed, held until the transaction ends. Raises 404, 400."""
    row = find_vault(connection, workspace, vault_id, lock=True)
    if row["archived_at"] is not None:
        raise vault_archived(vault_id)
    return row


def check_usable(connection: Connection, workspace: str, vault_ids: Sequence[str]) -> None:
    """Whether a new session may have these. Raises 404, 400."""
    for vault_id in vault_ids:
        if find_vault(connection, workspace, vault_id)["archived_at"] is not None:
            raise vault_archived(vault_id)


def _rendered(row: Mapping[str, Any]) -> JsonObject:
    archived_at = row["archived_at"]
    return {
        "id": row["id"],
        "type": "vault",
        "display_name": row["display_name"],
        "metadata": load(row["metadata"]),
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": None if archived_at is None else to_wire(archived_at),
    }
