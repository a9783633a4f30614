"""Credentials. Their secrets are sealed before they come here, and opened elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.tables import credentials
from journeyman.store.vaults import find_vault, lock_vault
from journeyman.wire.credentials import (
    MOST_CREDENTIALS,
    credential_archived,
    duplicate,
    key_of,
    no_credential,
    too_many,
)
from journeyman.wire.ids import is_id
from journeyman.wire.lists import VaultList
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]
CredentialRow = Mapping[str, Any]

_BY_ID = select(credentials).where(
    credentials.c.id == bindparam("credential"),
    credentials.c.vault_id == bindparam("vault"),
    credentials.c.workspace_id == bindparam("workspace"),
)
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())


class Credentials:
    """One workspace's, each in a vault. Rows are changed by who has seen what they are now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, vault_id: str, row: CredentialRow) -> JsonObject:
        """`row` has `id`, `display_name`, `metadata`, `auth` (as shown) and `sealed`. Raises 404, 400, 409."""
        now = now_us()
        times = {"created_at": now, "updated_at": now, "archived_at": None}
        place = {"workspace_id": workspace, "vault_id": vault_id, "key": key_of(row["auth"])}
        full = {**row, **place, **times, "auth": dump(row["auth"]), "metadata": dump(row["metadata"])}

        def work(connection: Connection) -> JsonObject:
            lock_vault(connection, workspace, vault_id)
            active = (credentials.c.vault_id == vault_id) & credentials.c.archived_at.is_(None)
            if connection.execute(select(credentials.c.id).where(active, credentials.c.key == full["key"])).first():
                raise duplicate(row["auth"])
            count = connection.execute(select(func.count()).select_from(credentials).where(active)).scalar_one()
            if count >= MOST_CREDENTIALS:
                raise too_many()
            connection.execute(insert(credentials).values(full))
            return render_credential(full)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, vault_id: str, credential_id: str) -> JsonObject:
        """Raises 404."""
        return render_credential(await self.row(workspace, vault_id, credential_id))

    async def row(self, workspace: str, vault_id: str, credential_id: str) -> CredentialRow:
        """Raises 404."""
        return await self._database.read(lambda connection: _find(connection, workspace, vault_id, credential_id))

    async def replace(self, seen: CredentialRow, values: Mapping[str, Any]) -> JsonObject | None:
        """Change one that is still as it was `seen`; None when it is not. `values` as the columns. Raises 404, 400."""

        def work(connection: Connection) -> JsonObject | None:
            row = _find(connection, seen["workspace_id"], seen["vault_id"], seen["id"], lock=True)
            if row["archived_at"] is not None:
                raise credential_archived()
            if row["updated_at"] != seen["updated_at"] or row["sealed"] != seen["sealed"]:
                return None
            connection.execute(update(credentials).where(credentials.c.id == row["id"]).values(values))
            return render_credential({**row, **values})

        return await self._database.write(work)

    async def archive(self, workspace: str, vault_id: str, credential_id: str) -> JsonObject:
        """Idempotent. Its secret is gone, its key is free for another."""

        def work(connection: Connection) -> JsonObject:
            row = _find(connection, workspace, vault_id, credential_id, lock=True)
            if row["archived_at"] is not None:
                return render_credential(row)
            values = {"archived_at": now_us(), "updated_at": now_us(), "sealed": None}
            connection.execute(update(credentials).where(credentials.c.id == credential_id).values(values))
            return render_credential({**row, **values})

        return await self._database.write(work)

    async def delete(self, workspace: str, vault_id: str, credential_id: str) -> JsonObject:
        """Raises 404."""

        def work(connection: Connection) -> None:
            _find(connection, workspace, vault_id, credential_id, lock=True)
            connection.execute(delete(credentials).where(credentials.c.id == credential_id))

        await self._database.write(work)
        return {"id": credential_id, "type": "vault_credential_deleted"}

    async def list(self, workspace: str, vault_id: str, query: VaultList) -> Page[JsonObject]:
        """Newest first. Raises 404."""
        cursor = read_cursor(query.page, "credentials", "desc")
        statement = select(credentials).where(credentials.c.vault_id == vault_id)
        if not query.include_archived:
            statement = statement.where(credentials.c.archived_at.is_(None))
        statement = continue_from(statement, credentials.c.id, cursor, "desc", query.limit)

        def work(connection: Connection) -> list[JsonObject]:
            find_vault(connection, workspace, vault_id)
            return _all(connection, statement)

        rows = await self._database.read(work)
        found = cut("credentials", rows, "id", "created_at", cursor, "desc", query.limit)
        return Page([render_credential(row) for row in found.items], found.next_page)

    async def active(self, vault_ids: Sequence[str]) -> Sequence[CredentialRow]:
        """Those of these vaults, in their order and then the order of their making, in whatever workspace."""
        places = {vault_id: place for place, vault_id in enumerate(vault_ids)}
        statement = select(credentials).where(credentials.c.vault_id.in_(places), credentials.c.archived_at.is_(None))
        rows = await self._database.read(lambda connection: _all(connection, statement))
        return sorted(rows, key=lambda row: (places[row["vault_id"]], row["id"]))

    async def sealed(self, after: str, limit: int) -> Sequence[CredentialRow]:
        """Those with a secret, in the order of their ids, in whatever workspace."""
        statement = select(credentials).where(credentials.c.sealed.is_not(None), credentials.c.id > after)
        statement = statement.order_by(credentials.c.id).limit(limit)
        return await self._database.read(lambda connection: _all(connection, statement))


def auth_of(row: CredentialRow) -> JsonObject:
    """As shown: without secrets."""
    return load(row["auth"])


def render_credential(row: CredentialRow) -> JsonObject:
    archived_at = row["archived_at"]
    return {
        "id": row["id"],
        "type": "vault_credential",
        "vault_id": row["vault_id"],
        "display_name": row["display_name"],
        "metadata": load(row["metadata"]),
        "auth": auth_of(row),
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": None if archived_at is None else to_wire(archived_at),
    }


def _all(connection: Connection, statement: Select[Any]) -> list[JsonObject]:
    return [dict(row) for row in connection.execute(statement).mappings()]


def _find(
    connection: Connection, workspace: str, vault_id: str, credential_id: str, *, lock: bool = False
) -> CredentialRow:
    find_vault(connection, workspace, vault_id)
    statement = _LOCKED if lock else _FOUND
    known = is_id("vcrd", credential_id)
    place = {"credential": credential_id, "vault": vault_id, "workspace": workspace}
    row = statement.first(connection, **place) if known else None
    if row is None:
        raise no_credential()
    return row
