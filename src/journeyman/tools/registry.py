"""The toolset: what an agent's `tools` offer the model, and what a call by name means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from journeyman.egress.addresses import AddressPolicy
from journeyman.tools.bash import Bash
from journeyman.tools.edit import Edit
from journeyman.tools.glob import Glob
from journeyman.tools.grep import Grep
from journeyman.tools.port import Tool
from journeyman.tools.read import Read
from journeyman.tools.search.brave import Brave
from journeyman.tools.search.port import SearchEngine, SearchSettings
from journeyman.tools.search.searxng import SearXNG
from journeyman.tools.search.tavily import Tavily
from journeyman.tools.web_fetch import WebFetch
from journeyman.tools.web_search import WebSearch
from journeyman.tools.write import Write

TOOLSET = "agent_toolset_20260401"


@dataclass(frozen=True, slots=True)
class ResolvedTool:
    """What a called name is to an agent."""

    kind: Literal["builtin", "custom", "mcp", "unknown", "disabled"]
    policy: str
    """`always_allow`, `always_ask` or `auto`; `always_deny` for unknown and disabled tools."""
    config: dict[str, Any]
    """The resolved config entry of a built-in or MCP tool, the definition of a custom one, else empty."""


class Toolset:
    """The built-in tools; one serves all sessions."""

    def __init__(self, search: SearchSettings | None = None, allow_private: Sequence[str] = ()) -> None:
        policy = AddressPolicy.parse(allow_private)
        tools: list[Tool] = [
            Bash(),
            Read(),
            Write(),
            Edit(),
            Glob(),
            Grep(),
            WebFetch(policy),
            WebSearch(_engine(search)),
        ]
        self._tools = {tool.name: tool for tool in tools}
        # Made once: a schema costs more than a short model request.
        self._definitions = {tool.name: tool.definition() for tool in tools}

    def builtin(self, name: str) -> Tool:
        """Raises KeyError when there is no such built-in tool."""
        return self._tools[name]

    def definitions(self, agent_tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the model is offered: the enabled built-in tools, then the custom tools as given."""
        enabled = [
            _limited(definition, found.config)
            for name, definition in self._definitions.items()
            if (found := self.resolve(agent_tools, name)).kind == "builtin"
        ]
        return enabled + [_offered(tool) for tool in agent_tools if tool["type"] == "custom"]

    def resolve(self, agent_tools: list[dict[str, Any]], name: str) -> ResolvedTool:
        """What `name` means under an agent's resolved `tools`."""
        for tool in agent_tools:
            if tool["type"] == "custom" and tool["name"] == name:
                return ResolvedTool("custom", "always_allow", tool)
        if name not in self._tools:
            return ResolvedTool("unknown", "always_deny", {})
        config = _config(agent_tools, name)
        if not config.get("enabled"):
            return ResolvedTool("disabled", "always_deny", config)
        return ResolvedTool("builtin", config["permission_policy"]["type"], config)


def _config(agent_tools: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """A tool's config entry on top of the toolset's default; empty when the agent has no toolset."""
    toolset = next((tool for tool in agent_tools if tool["type"] == TOOLSET), None)
    if toolset is None:
        return {}
    fallback: dict[str, Any] = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    default: dict[str, Any] = toolset.get("default_config") or {}
    configs: list[dict[str, Any]] = toolset.get("configs") or []
    entries = [_given(default), *(_given(config) for config in configs if config["name"] == name)]
    merged: dict[str, Any] = {"type": name, "name": name, **fallback}
    for entry in entries:
        merged |= entry
    return merged


def _given(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None}


def _limited(definition: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """The definition with the tool's domain lists in its description, so that the model need not run into them."""
    allowed: list[str] | None = config.get("allowed_domains")
    blocked: list[str] | None = config.get("blocked_domains")
    if allowed == []:
        limit = " In this session no domain is permitted: every call fails."
    elif allowed:
        limit = f" Only these domains and their subdomains can be reached: {', '.join(allowed)}."
    elif blocked:
        limit = f" These domains and their subdomains cannot be reached: {', '.join(blocked)}."
    else:
        return definition
    return {**definition, "description": definition["description"] + limit}


def _offered(custom: dict[str, Any]) -> dict[str, Any]:
    return {key: custom[key] for key in ("name", "description", "input_schema")}


def _engine(settings: SearchSettings | None) -> SearchEngine | None:
    if settings is None:
        return None
    engines = {"brave": Brave, "tavily": Tavily, "searxng": SearXNG}
    return engines[settings.provider](settings)
