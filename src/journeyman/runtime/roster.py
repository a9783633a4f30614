"""Whom the agent of a primary thread can delegate to, as its session's snapshot of it says."""

from collections.abc import Sequence
from typing import Any

from journeyman.runtime.thread import Thread
from journeyman.tools import agents as tools
from journeyman.wire.rosters import advisor_model

JsonObject = dict[str, Any]

MOST_THREADS = 25
"""Living threads besides the primary one; those of advisors are not counted."""


def members(agent: JsonObject) -> list[JsonObject]:
    """The agents that may be spawned, whole."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    if multiagent.get("type") == "coordinator":
        return [entry for entry in multiagent["agents"] if entry["type"] != "advisor"]
    subagents: JsonObject = multiagent.get("subagents") or {}
    return list(subagents.get("predefined_agents") or []) if subagents.get("type") == "enabled" else []


def called(agent: JsonObject) -> dict[str, JsonObject]:
    """The agents that may be spawned, by what a model calls them: of several with one name each has its own."""
    found: dict[str, JsonObject] = {}
    for each in members(agent):
        name, number = each["name"], 1
        while name in found:
            number += 1
            name = f"{each['name']} ({number})"
        found[name] = each
    return found


def allows_inline(agent: JsonObject) -> bool:
    """Whether agents may be defined as they are spawned."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    subagents: JsonObject = multiagent.get("subagents") or {}
    return subagents.get("type") == "enabled" and subagents["inline_agents"]["type"] == "enabled"


def advisor(agent: JsonObject) -> str | None:
    """The model that may be asked for advice."""
    return advisor_model(agent.get("multiagent"))


def delegates(thread: Thread) -> bool:
    """Only the primary thread does: depth one."""
    return thread.parent is None and bool(members(thread.agent) or allows_inline(thread.agent))


def offered(thread: Thread) -> Sequence[JsonObject]:
    """Definitions of the tools that a thread has besides those of its agent."""
    found = tools.delegation(inline=allows_inline(thread.agent)) if delegates(thread) else []
    return [*found, tools.advice()] if thread.parent is None and advisor(thread.agent) else found
