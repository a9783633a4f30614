"""What an update makes of an agent's multiagent configuration, level by level."""

from collections.abc import Mapping
from typing import Any

from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.multiagent import (
    AdvisorEnabled,
    AdvisorReference,
    AgentsEnabled,
    Coordinator,
    Disabled,
    Multiagent20261001,
    MultiagentParams,
    PredefinedAgent,
    SelfReference,
)


def merge(stored: Mapping[str, Any] | None, sent: MultiagentParams) -> Json:
    """The stored form of `sent` over `stored` (None: nothing, as on create). References may lack their version.

    A coordinator replaces whole; of the other type a key that was not sent keeps what is stored, a null one takes its
    default, and an object of another type than the stored one replaces that. Raises ApiError.
    """
    if isinstance(sent, Coordinator):
        return {"type": sent.type, "agents": [_reference(entry) for entry in sent.agents]}
    merged = _merged(stored if stored is not None and stored["type"] == sent.type else _defaults(), sent)
    for name in ("subagents", "workflows"):
        member = merged[name]
        if member["type"] == "enabled" and _is_empty(member):
            where = f"multiagent.{name}.predefined_agents"
            raise invalid(f"{where}: must name at least one agent when inline_agents is disabled")
    return merged


def _merged(stored: Mapping[str, Any], sent: Multiagent20261001) -> Json:
    defaults = _defaults()
    merged: Json = {"type": sent.type}
    for name in ("advisor", "subagents", "workflows"):
        value: AdvisorEnabled | AgentsEnabled | Disabled | None = getattr(sent, name)
        if not sent.given(name):
            merged[name] = stored[name]
        elif value is None:
            merged[name] = defaults[name]
        elif isinstance(value, AgentsEnabled):
            merged[name] = _agents(stored[name], value)
        else:
            merged[name] = value.model_dump()
    return merged


def _agents(stored: Mapping[str, Any], sent: AgentsEnabled) -> Json:
    base = stored if stored["type"] == sent.type else _any_agents()
    merged: Json = {**_any_agents(), **base}
    if sent.given("inline_agents"):
        merged["inline_agents"] = sent.inline_agents.model_dump() if sent.inline_agents else {"type": "enabled"}
    if sent.given("predefined_agents"):
        merged["predefined_agents"] = [_reference(entry) for entry in sent.predefined_agents or []]
    return merged


def _reference(entry: PredefinedAgent | AdvisorReference) -> Json:
    if isinstance(entry, SelfReference | AdvisorReference):
        return entry.model_dump()
    return {"type": entry.type, "id": entry.id, "version": entry.version}


def _is_empty(member: Mapping[str, Any]) -> bool:
    return member["inline_agents"]["type"] == "disabled" and not member["predefined_agents"]


def _defaults() -> Json:
    return {"advisor": {"type": "disabled"}, "subagents": _any_agents(), "workflows": _any_agents()}


def _any_agents() -> Json:
    return {"type": "enabled", "inline_agents": {"type": "enabled"}, "predefined_agents": []}
