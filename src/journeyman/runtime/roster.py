"""Whom the agent of a primary thread can delegate to, as its session's snapshot of it says."""

from collections.abc import Sequence
from typing import Any

from journeyman.runtime.thread import Thread
from journeyman.tools import agents as tools
from journeyman.tools import workflows
from journeyman.wire.rosters import advisor_model

JsonObject = dict[str, Any]

MOST_THREADS = 25
"""Living threads besides the primary one; those of advisors are not counted."""


def members(agent: JsonObject) -> list[JsonObject]:
    """The agents that may be spawned, whole."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    if multiagent.get("type") == "coordinator":
        return [entry for entry in multiagent["agents"] if entry["type"] != "advisor"]
    return _predefined(multiagent.get("subagents"))


def of_workflows(agent: JsonObject) -> list[JsonObject]:
    """The agents that a workflow's plan may name, whole."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    return _predefined(multiagent.get("workflows"))


def called(agents: list[JsonObject]) -> dict[str, JsonObject]:
    """Agents by what a model calls them: of several with one name each has its own."""
    found: dict[str, JsonObject] = {}
    for each in agents:
        name, number = each["name"], 1
        while name in found:
            number += 1
            name = f"{each['name']} ({number})"
        found[name] = each
    return found


def allows_inline(agent: JsonObject) -> bool:
    """Whether agents may be defined as they are spawned."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    return _may_define(multiagent.get("subagents"))


def workflows_may_define(agent: JsonObject) -> bool:
    """Whether a workflow's plan may define agents."""
    multiagent: JsonObject = agent.get("multiagent") or {}
    return _may_define(multiagent.get("workflows"))


def runs_workflows(thread: Thread) -> bool:
    """Only the primary thread does."""
    return thread.parent is None and bool(of_workflows(thread.agent) or workflows_may_define(thread.agent))


def advisor(agent: JsonObject) -> str | None:
    """The model that may be asked for advice."""
    return advisor_model(agent.get("multiagent"))


def delegates(thread: Thread) -> bool:
    """Only the primary thread does: depth one."""
    return thread.parent is None and bool(members(thread.agent) or allows_inline(thread.agent))


def offered(thread: Thread, language: str | None) -> Sequence[JsonObject]:
    """Definitions of the tools that a thread has besides its agent's; `language`: of plans, None without workflows."""
    found = tools.delegation(inline=allows_inline(thread.agent)) if delegates(thread) else []
    if thread.parent is None and advisor(thread.agent):
        found.append(tools.advice())
    if language is not None and runs_workflows(thread):
        found += workflows.definitions(f"{language}\n\n{_known(thread.agent)}")
    return found


def _known(agent: JsonObject) -> str:
    lines = [f"- {name}: {each['description'] or ''}" for name, each in called(of_workflows(agent)).items()]
    return "\n".join(["Agents that a plan can name:", *(lines or ["none; it defines them"])])


def _predefined(member: JsonObject | None) -> list[JsonObject]:
    return list(member.get("predefined_agents") or []) if member and member["type"] == "enabled" else []


def _may_define(member: JsonObject | None) -> bool:
    return bool(member) and member["type"] == "enabled" and member["inline_agents"]["type"] == "enabled"
