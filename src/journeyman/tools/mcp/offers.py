"""What a model is offered of MCP servers' tools, and what a call by name means. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from journeyman.tools.mcp.port import McpTool
from journeyman.tools.registry import ResolvedTool

JsonObject = dict[str, Any]

_MOST_NAME = 128
_COMBINING = ("oneOf", "anyOf", "allOf")


class Offered(NamedTuple):
    """A tool under the name by which the model calls it."""

    server: str
    name: str
    """As its server names it."""
    repeatable: bool = False


def toolset_of(agent_tools: Sequence[JsonObject], server: str) -> JsonObject | None:
    """The toolset that refers to a server."""
    return next(
        (tool for tool in agent_tools if tool["type"] == "mcp_toolset" and tool["mcp_server_name"] == server), None
    )


def resolve(agent_tools: Sequence[JsonObject], server: str, name: str) -> ResolvedTool:
    """What a server's tool is to an agent."""
    toolset = toolset_of(agent_tools, server)
    if toolset is None:
        return ResolvedTool("unknown", "always_deny", {})
    config: JsonObject = next((each for each in toolset["configs"] if each["name"] == name), toolset["default_config"])
    if not config["enabled"]:
        return ResolvedTool("disabled", "always_deny", config)
    return ResolvedTool("mcp", config["permission_policy"]["type"], config)


def names(found: Mapping[str, Sequence[McpTool]]) -> dict[str, tuple[str, McpTool]]:
    """All tools of all servers by the names for the model: `mcp__<server>__<tool>`, in the servers' order."""
    named: dict[str, tuple[str, McpTool]] = {}
    for server, tools in found.items():
        for tool in tools:
            name = _name(server, tool.name)
            if len(name) > _MOST_NAME or name in named:
                mark = hashlib.sha256(f"{server}\0{tool.name}".encode()).hexdigest()[:8]
                name = f"{name[: _MOST_NAME - 9]}_{mark}"
            named[name] = (server, tool)
    return named


def definition(name: str, tool: McpTool) -> JsonObject:
    """For the model. Models refuse schemas that are not plainly those of an object."""
    schema = {key: value for key, value in tool.input_schema.items() if key not in _COMBINING}
    return {"name": name, "description": tool.description, "input_schema": {**schema, "type": "object"}}


def server_meant(name: str, servers: Sequence[str]) -> tuple[str, str] | None:
    """Server and tool in a name that nobody offered, when it looks like one of theirs."""
    for server in servers:
        prefix = _name(server, "")
        if name.startswith(prefix) and name != prefix:
            return server, name.removeprefix(prefix)
    return None


def _name(server: str, tool: str) -> str:
    return f"mcp__{re.sub(r'[^A-Za-z0-9_-]', '_', server)}__{re.sub(r'[^A-Za-z0-9_-]', '_', tool)}"
