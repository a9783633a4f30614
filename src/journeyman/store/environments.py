"""Environments."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.tables import environments
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.lists import EnvironmentList
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]


class Environments:
    """Archivable, deletable, one workspace's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, workspace: str, body: JsonObject) -> JsonObject:
        now = now_us()
        row = {"id": new_id("env"), "workspace_id": workspace, "body": dump(body), "created_at": now, "updated_at": now}
        await self._database.write(lambda connection: connection.execute(insert(environments).values(row)) and None)
        return _rendered({**row, "archived_at": None})

    async def retrieve(self, workspace: str, environment_id: str) -> JsonObject:
        """Raises 404."""
        return await self._database.read(lambda connection: get(connection, workspace, environment_id))

    async def update(
        self, workspace: str, environment_id: str, change: Callable[[JsonObject], JsonObject]
    ) -> JsonObject:
        """Store what `change` makes of it; nothing moves when that is the same."""

        def work(connection: Connection) -> JsonObject:
            row = _row(connection, workspace, environment_id, lock=True)
            if row["archived_at"] is not None:
                raise invalid(f"Environment {environment_id} is archived.", code="environment_archived")
            before = load(row["body"])
            after = change(before)
            if after == before:
                return _rendered(row)
            values = {"body": dump(after), "updated_at": now_us()}
            connection.execute(update(environments).where(environments.c.id == environment_id).values(values))
            return _rendered({**row, **values})

        return await self._database.write(work)

    async def archive(self, workspace: str, environment_id: str) -> JsonObject:
        """Idempotent; existing sessions go on."""

        def work(connection: Connection) -> JsonObject:
            row = _row(connection, workspace, environment_id, lock=True)
            if row["archived_at"] is not None:
                return _rendered(row)
            values = {"archived_at": now_us(), "updated_at": now_us()}
            connection.execute(update(environments).where(environments.c.id == environment_id).values(values))
            return _rendered({**row, **values})

        return await self._database.write(work)

    async def delete(self, workspace: str, environment_id: str) -> JsonObject:
        """Also when sessions refer to it: they keep their own copy."""

        def work(connection: Connection) -> None:
            _row(connection, workspace, environment_id, lock=True)
            connection.execute(delete(environments).where(environments.c.id == environment_id))

        await self._database.write(work)
        return {"id": environment_id, "type": "environment_deleted"}

    async def list(self, workspace: str, query: EnvironmentList) -> Page[JsonObject]:
        """Newest first."""
        cursor = read_cursor(query.page, "environments", "desc")
        statement = select(environments).where(environments.c.workspace_id == workspace)
        if not query.include_archived:
            statement = statement.where(environments.c.archived_at.is_(None))
        statement = continue_from(statement, environments.c.id, cursor, "desc", query.limit)
        rows = await self._database.read(lambda connection: list(connection.execute(statement).mappings()))
        found = cut("environments", [dict(row) for row in rows], "id", "created_at", cursor, "desc", query.limit)
        return Page([_rendered(row) for row in found.items], found.next_page)


def get(connection: Connection, workspace: str, environment_id: str) -> JsonObject:
    """An environment as the wire shows it. Raises 404."""
    return _rendered(_row(connection, workspace, environment_id))


_BY_ID = select(environments).where(
    environments.c.id == bindparam("environment"), environments.c.workspace_id == bindparam("workspace")
)
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())


def _row(connection: Connection, workspace: str, environment_id: str, *, lock: bool = False) -> Mapping[str, Any]:
    statement = _LOCKED if lock else _FOUND
    known = is_id("env", environment_id)
    row = statement.first(connection, environment=environment_id, workspace=workspace) if known else None
    if row is None:
        raise ApiError("not_found_error", "Environment not found.", code="environment_not_found")
    return row


def _rendered(row: Mapping[str, Any]) -> JsonObject:
    archived_at = row["archived_at"]
    return {
        **load(row["body"]),
        "id": row["id"],
        "type": "environment",
        "state": "active" if archived_at is None else "archived",
        "created_at": to_wire(row["created_at"]),
        "updated_at": to_wire(row["updated_at"]),
        "archived_at": None if archived_at is None else to_wire(archived_at),
    }
