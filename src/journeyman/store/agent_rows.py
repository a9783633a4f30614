"""One agent's rows: finding it at a version, and as the wire shows it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from journeyman.store.prepared import Prepared
from journeyman.store.rendering import load
from journeyman.store.tables import agent_versions, agents
from journeyman.wire.errors import not_found
from journeyman.wire.rosters import shown
from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]


def joined() -> Select[*tuple[Any, ...]]:
    """Agents with their versions."""
    return select(
        agents.c.id, agents.c.created_at, agents.c.archived_at, agent_versions.c.version, agent_versions.c.body,
        agent_versions.c.updated_at,
    ).join_from(agents, agent_versions, agent_versions.c.agent_id == agents.c.id)  # fmt: skip


_MINE = agents.c.id == bindparam("agent"), agents.c.workspace_id == bindparam("workspace")
_KNOWN = Prepared(select(agents.c.version, agents.c.archived_at).where(*_MINE))
_LOCK = Prepared(select(agents.c.id).where(*_MINE).with_for_update())
_LATEST = Prepared(joined().where(*_MINE, agent_versions.c.version == agents.c.version))
_VERSION = Prepared(joined().where(*_MINE, agent_versions.c.version == bindparam("version")))


def known_agent(connection: Connection, workspace: str, agent_id: str) -> JsonObject | None:
    """Its latest `version` and when it was archived."""
    return _KNOWN.first(connection, agent=agent_id, workspace=workspace)


def get_agent(connection: Connection, workspace: str, agent_id: str, version: int | None) -> JsonObject:
    """As the wire shows it. Raises 404."""
    return rendered(agent_row(connection, workspace, agent_id, version))


def agent_row(
    connection: Connection, workspace: str, agent_id: str, version: int | None, *, lock: bool = False
) -> Mapping[str, Any]:
    """One version, the latest by default. Raises 404."""
    if lock:
        # First alone: a join that waits for the lock would be checked against the versions it saw before.
        _LOCK.first(connection, agent=agent_id, workspace=workspace)
    if version is None:
        row = _LATEST.first(connection, agent=agent_id, workspace=workspace)
    else:
        row = _VERSION.first(connection, agent=agent_id, workspace=workspace, version=version)
    if row is not None:
        return row
    if version is None:
        raise not_found("Agent not found.")
    agent_row(connection, workspace, agent_id, None)
    raise not_found("Agent version not found.")


def rendered(row: Mapping[str, Any]) -> JsonObject:
    """A row as the wire shows it."""
    body = load(row["body"])
    return render(row["id"], body, row["version"], row["created_at"], row["updated_at"], row["archived_at"])


def render(
    agent_id: str, body: JsonObject, version: int, created_at: int, updated_at: int, archived_at: int | None
) -> JsonObject:
    """A stored body as the wire shows it."""
    return {
        **body,
        "id": agent_id,
        "type": "agent",
        "multiagent": shown(body["multiagent"], agent_id, version),
        "version": version,
        "created_at": to_wire(created_at),
        "updated_at": to_wire(updated_at),
        "archived_at": None if archived_at is None else to_wire(archived_at),
    }
