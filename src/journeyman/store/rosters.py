"""The agents of a roster, found in the transaction that saves an agent or makes a session."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from journeyman.store.agent_rows import get_agent, known_agent
from journeyman.wire.errors import invalid
from journeyman.wire.rosters import Entries, check_geo, check_name, entries_of, is_copy, replaced
from journeyman.wire.sessions import definition

JsonObject = dict[str, Any]


def pin(
    connection: Connection, workspace: str, agent_id: str, version: int | None, multiagent: JsonObject | None
) -> JsonObject | None:
    """Each agent at its version of now unless it names one, this one as `self`, the advisor last.

    `version`: that of the agent as it is stored. Raises 400 for agents that are not there, and for those named twice.
    """

    def pinned(path: str, entries: Entries) -> Entries:
        found: dict[str, JsonObject] = {}
        advisors = [entry for entry in entries if entry["type"] == "advisor"]
        for place, entry in enumerate(entries):
            if entry["type"] == "advisor":
                continue
            named = entry.get("id", agent_id)
            if named in found:
                who = "the agent itself" if named == agent_id else f"agent {named}"
                raise invalid(f"{path}.{place}: duplicate entry; {who} is already in the list")
            own = entry["type"] == "self" or (named == agent_id and entry["version"] in (None, version))
            found[named] = {"type": "self"} if own else _pinned(connection, workspace, f"{path}.{place}", entry)
        return [*found.values(), *advisors]

    return None if multiagent is None else replaced(multiagent, pinned)


def check(connection: Connection, workspace: str, body: JsonObject, *, members: bool) -> None:
    """Raise 400 unless the agents of a pinned roster go with its owner; with `members`, unless they may be in one."""
    multiagent = body["multiagent"]
    for path, entry in entries_of(multiagent):
        if entry["type"] == "self":
            check_name(path, multiagent, body["name"])
            continue
        agent = get_agent(connection, workspace, entry["id"], entry["version"])
        if members and agent["archived_at"] is not None:
            raise invalid(f"{path}: agent {agent['id']} is archived")
        if members and agent["multiagent"] is not None:
            raise invalid(f"{path}: agent {agent['id']} has multiagent itself; only one level of agents is supported")
        check_name(path, multiagent, agent["name"])
        check_geo(path, body, agent)


def define(connection: Connection, workspace: str, snapshot: JsonObject) -> JsonObject | None:
    """The `multiagent` of a session's agent: whole definitions, copies of the agent with its overrides.

    Raises 400 for an agent that has been archived, and for one that does not go with the overrides.
    """

    def defined(path: str, entries: Entries) -> Entries:
        return [
            _defined(connection, workspace, f"{path}.{place}", entry, snapshot) for place, entry in enumerate(entries)
        ]

    multiagent = snapshot["multiagent"]
    return None if multiagent is None else replaced(multiagent, defined, "agent.multiagent")


def _pinned(connection: Connection, workspace: str, path: str, entry: Mapping[str, Any]) -> JsonObject:
    known = known_agent(connection, workspace, entry["id"])
    if known is None:
        raise invalid(f"{path}: agent {entry['id']} not found")
    version = entry["version"] or known["version"]
    if version > known["version"]:
        raise invalid(f"{path}.version: {version} not found")
    return {"type": "agent", "id": entry["id"], "version": version}


def _defined(connection: Connection, workspace: str, path: str, entry: JsonObject, snapshot: JsonObject) -> JsonObject:
    if entry["type"] == "advisor":
        return entry
    if is_copy(entry, snapshot):
        return definition(snapshot)
    agent = get_agent(connection, workspace, entry["id"], entry["version"])
    if agent["archived_at"] is not None:
        raise invalid(f"{path}: agent {agent['id']} is archived and cannot be used to create a session")
    check_geo(path, snapshot, agent)
    return definition(agent)
