"""Agents and their versions."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert, update

from journeyman.skills.catalogue import Catalogue
from journeyman.store import rosters
from journeyman.store.agent_rows import agent_row, get_agent, joined, render, rendered
from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor, within
from journeyman.store.rendering import dump, load
from journeyman.store.skills import find_skill
from journeyman.store.tables import agent_versions, agents
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.lists import AgentList, PageQuery
from journeyman.wire.skills import unknown_to_agent
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_STALE = "Concurrent modification detected. Please fetch the latest version and retry."


class Agents:
    """Versioned, archivable, one workspace's."""

    def __init__(self, database: Database, catalogue: Catalogue | None = None) -> None:
        self._database = database
        self._catalogue = catalogue or Catalogue()

    async def create(self, workspace: str, body: JsonObject) -> JsonObject:
        """Store version 1 of a materialised body. Raises 400 for skills and agents that are not there."""
        agent_id, now = new_id("agent"), now_us()

        def work(connection: Connection) -> JsonObject:
            self._check_skills(connection, workspace, body)
            pinned = {**body, "multiagent": rosters.pin(connection, workspace, agent_id, None, body["multiagent"])}
            rosters.check(connection, workspace, pinned, members=True)
            row = {"id": agent_id, "workspace_id": workspace, "version": 1, "created_at": now}
            connection.execute(insert(agents).values(row))
            _insert_version(connection, agent_id, 1, pinned, now)
            return render(agent_id, pinned, 1, now, now, None)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, agent_id: str, version: int | None = None) -> JsonObject:
        """One version, the latest by default. Raises 400 or 404."""
        _check_id(agent_id)
        return await self._database.read(lambda connection: get_agent(connection, workspace, agent_id, version))

    async def update(
        self, workspace: str, agent_id: str, change: Callable[[JsonObject], JsonObject], version: int | None
    ) -> JsonObject:
        """Store what `change` makes of the latest version, as a new version unless it is the same.

        With `version`, 409 when that is not the latest.
        """
        _check_id(agent_id)

        def work(connection: Connection) -> JsonObject:
            row = agent_row(connection, workspace, agent_id, None, lock=True)
            if row["archived_at"] is not None:
                raise invalid("Cannot modify archived agent")
            if version is not None and version != row["version"]:
                headers = {"x-should-retry": "false"}
                raise ApiError("invalid_request_error", _STALE, status=409, headers=headers)
            before = load(row["body"])
            after = change(before)
            if after["multiagent"] != before["multiagent"]:
                pinned = rosters.pin(connection, workspace, agent_id, row["version"], after["multiagent"])
                after = {**after, "multiagent": pinned}
            if after == before:
                return rendered(row)
            if after["skills"] != before["skills"]:
                self._check_skills(connection, workspace, after)
            rosters.check(connection, workspace, after, members=after["multiagent"] != before["multiagent"])
            now, following = now_us(), row["version"] + 1
            _insert_version(connection, agent_id, following, after, now)
            connection.execute(update(agents).where(agents.c.id == agent_id).values(version=following))
            return render(agent_id, after, following, row["created_at"], now, None)

        return await self._database.write(work)

    async def archive(self, workspace: str, agent_id: str) -> JsonObject:
        """Idempotent. The answer's `updated_at` is the time of archiving; a later retrieve shows the version's own."""
        _check_id(agent_id)

        def work(connection: Connection) -> JsonObject:
            row = agent_row(connection, workspace, agent_id, None, lock=True)
            at = row["archived_at"] or now_us()
            connection.execute(update(agents).where(agents.c.id == agent_id).values(archived_at=at))
            return render(agent_id, load(row["body"]), row["version"], row["created_at"], at, at)

        return await self._database.write(work)

    async def list(self, workspace: str, query: AgentList) -> Page[JsonObject]:
        """Newest first, each at its latest version."""
        cursor = read_cursor(query.page, "agents", "desc", query.created_at)
        window = within(query.created_at, agents.c.created_at)
        statement = joined().where(agents.c.workspace_id == workspace, *window)
        statement = statement.where(agent_versions.c.version == agents.c.version)
        if not query.include_archived:
            statement = statement.where(agents.c.archived_at.is_(None))
        statement = continue_from(statement, agents.c.id, cursor, "desc", query.limit)
        rows = await self._database.read(lambda connection: list(connection.execute(statement).mappings()))
        found = cut("agents", [dict(row) for row in rows], "id", "created_at", cursor, "desc", query.limit)
        return Page([rendered(row) for row in found.items], found.next_page)

    async def versions(self, workspace: str, agent_id: str, query: PageQuery) -> Page[JsonObject]:
        """Newest first."""
        _check_id(agent_id)
        cursor = read_cursor(query.page, "versions", "desc")
        statement = joined().where(agents.c.workspace_id == workspace, agents.c.id == agent_id)
        statement = continue_from(statement, agent_versions.c.version, cursor, "desc", query.limit)

        def work(connection: Connection) -> list[JsonObject]:
            agent_row(connection, workspace, agent_id, None)
            return [dict(row) for row in connection.execute(statement).mappings()]

        rows = await self._database.read(work)
        found = cut("versions", rows, "version", "updated_at", cursor, "desc", query.limit)
        return Page([rendered(row) for row in found.items], found.next_page)

    def _check_skills(self, connection: Connection, workspace: str, body: JsonObject) -> None:
        for skill in body["skills"]:
            if find_skill(connection, workspace, self._catalogue, skill) is None:
                raise unknown_to_agent(skill)


def _check_id(agent_id: str) -> None:
    if not is_id("agent", agent_id):
        raise invalid("Invalid agent ID.")


def _insert_version(connection: Connection, agent_id: str, version: int, body: JsonObject, at: int) -> None:
    row = {"agent_id": agent_id, "version": version, "body": dump(body), "updated_at": at}
    connection.execute(insert(agent_versions).values(row))
