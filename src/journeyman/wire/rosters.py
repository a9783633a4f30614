"""Rosters: the agents that a materialised `multiagent` names, and what they must have in common.

An agent's stored body names each by id and version, and itself by `{"type": "self"}`; the wire shows references only,
and a session's agent has whole definitions in their places.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.parse_error import quote

ADVISOR_NAME = "anthropic.advisor"
"""The name of the advisor's threads."""

Multiagent: TypeAlias = Mapping[str, Any]
Entries: TypeAlias = Sequence[Json]


def replaced(multiagent: Multiagent, change: Callable[[str, Entries], Entries], path: str = "multiagent") -> Json:
    """The same with each list of agents as `change` makes it of its path and itself."""
    if multiagent["type"] == "coordinator":
        return {**multiagent, "agents": list(change(f"{path}.agents", multiagent["agents"]))}
    result: Json = dict(multiagent)
    for name in ("subagents", "workflows"):
        member = multiagent[name]
        if member["type"] == "enabled":
            agents = list(change(f"{path}.{name}.predefined_agents", member["predefined_agents"]))
            result[name] = {**member, "predefined_agents": agents}
    return result


def entries_of(multiagent: Multiagent | None, path: str = "multiagent") -> Sequence[tuple[str, Json]]:
    """Every agent of every list, with its path; without the advisor."""
    if multiagent is None:
        return []
    found: list[tuple[str, Json]] = []

    def note(where: str, entries: Entries) -> Entries:
        found.extend((f"{where}.{place}", each) for place, each in enumerate(entries) if each["type"] != "advisor")
        return entries

    replaced(multiagent, note, path)
    return found


def advisor_model(multiagent: Multiagent | None) -> str | None:
    """The model that the primary thread may consult."""
    if multiagent is None:
        return None
    if multiagent["type"] == "coordinator":
        return next((entry["model"] for entry in multiagent["agents"] if entry["type"] == "advisor"), None)
    return multiagent["advisor"].get("model")


def shown(multiagent: Multiagent | None, agent_id: str, version: int) -> Json | None:
    """As the wire shows it for this version of its agent."""
    if multiagent is None:
        return None
    own = {"type": "agent", "id": agent_id, "version": version}
    return replaced(multiagent, lambda _, entries: [own if entry["type"] == "self" else entry for entry in entries])


def is_copy(entry: Mapping[str, Any], agent: Mapping[str, Any]) -> bool:
    """Whether an entry that has a version is the agent whose roster it stands in."""
    return entry["type"] == "agent" and (entry["id"], entry["version"]) == (agent["id"], agent["version"])


def all_agents(agent: Mapping[str, Any]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """A session's agent and those of its roster, each once, with their paths."""
    found = {(agent["id"], agent["version"]): ("agent", agent)}
    for path, entry in entries_of(agent["multiagent"], "agent.multiagent"):
        found.setdefault((entry["id"], entry["version"]), (path, entry))
    return list(found.values())


def models_of(agent: Mapping[str, Any]) -> Sequence[str]:
    """The models that a session's agents run on, and its advisor's."""
    advisor = advisor_model(agent["multiagent"])
    models = [each["model"]["id"] for _, each in all_agents(agent)]
    return list(dict.fromkeys(models if advisor is None else [*models, advisor]))


def check_name(path: str, multiagent: Multiagent, name: str) -> None:
    """Raise ApiError for an agent with the advisor's name beside an advisor."""
    if name == ADVISOR_NAME and advisor_model(multiagent) is not None:
        raise invalid(f"{path}: the name {quote(ADVISOR_NAME)} is reserved for the advisor")


def check_geo(path: str, coordinator: Mapping[str, Any], member: Mapping[str, Any]) -> None:
    """Raise ApiError unless both models are pinned to the same geography, or neither is."""
    own, other = (agent["model"].get("inference_geo") for agent in (coordinator, member))
    if own != other:
        raise invalid(
            f"{path}: model.inference_geo must be the same for all agents or unset for all; it is {_geo(other)} here, "
            f"{_geo(own)} on the coordinator"
        )


def _geo(pin: str | None) -> str:
    return "unset" if pin is None else quote(pin)
