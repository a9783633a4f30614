"""MCP servers an agent connects to, and the toolsets that offer their tools."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from journeyman.wire import policies
from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.parse_error import quote
from journeyman.wire.policies import DefaultConfig, PermissionPolicy
from journeyman.wire.strict import Strict


class McpServerParams(Strict):
    """A server reached by URL."""

    type: Literal["url"]
    name: Annotated[str, Field(min_length=1, max_length=255)]
    url: Annotated[str, Field(min_length=1, max_length=2048)]


class McpToolConfigParams(Strict):
    """Settings of one of the server's tools."""

    permission_policy: PermissionPolicy | None = None
    name: Annotated[str, Field(min_length=1, max_length=128)]
    enabled: bool | None = None


class McpToolsetParams(Strict):
    """The tools of one server."""

    type: Literal["mcp_toolset"]
    mcp_server_name: Annotated[str, Field(min_length=1, max_length=255)]
    configs: list[McpToolConfigParams] | None = None
    default_config: DefaultConfig | None = None


def materialise_server(server: McpServerParams) -> Json:
    """The stored form: as sent."""
    return {"type": "url", "name": server.name, "url": server.url}


def materialise_toolset(toolset: McpToolsetParams) -> Json:
    """The stored form: the entries that were sent, each with all of its settings."""
    default = policies.resolved(toolset.default_config, "always_ask")
    entries = [
        {"name": config.name, **policies.inherited(default, config.enabled, config.permission_policy)}
        for config in toolset.configs or []
    ]
    return {
        "type": toolset.type,
        "mcp_server_name": toolset.mcp_server_name,
        "default_config": default,
        "configs": entries,
    }


def check_servers(path: str, servers: Sequence[McpServerParams]) -> None:
    """Raise ApiError for too many servers, a repeated name or a URL that is none."""
    if len(servers) > 20:
        raise invalid(f"{path}: must have at most 20 servers, got {len(servers)}")
    seen: set[str] = set()
    for position, server in enumerate(servers):
        if server.name in seen:
            raise invalid(f"{path}.{position}.name: duplicate server name {quote(server.name)}")
        if not server.url.lower().startswith(("https://", "http://")):
            raise invalid(f"{path}.{position}.url: must be an http or https URL")
        seen.add(server.name)


def check_toolset(path: str, toolset: McpToolsetParams) -> None:
    """Raise ApiError for a tool that is configured twice."""
    seen: set[str] = set()
    for position, config in enumerate(toolset.configs or []):
        if config.name in seen:
            raise invalid(f"{path}.configs.{position}: duplicate entry for tool {quote(config.name)}")
        seen.add(config.name)


def check_references(path: str, tools: Sequence[Mapping[str, Any]], servers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ApiError unless stored toolsets and servers refer to each other one to one."""
    unused = [str(server["name"]) for server in servers]
    known, seen = frozenset(unused), set[str]()
    for position, tool in enumerate(tools):
        if tool["type"] != "mcp_toolset":
            continue
        name, where = str(tool["mcp_server_name"]), f"{path}.{position}.mcp_toolset"
        if name not in known:
            raise invalid(f"{where}: references server {quote(name)} which is not defined in mcp_servers")
        if name in seen:
            raise invalid(
                f"{where}: duplicate entry for server {quote(name)}; each MCP server may have at most one mcp_toolset"
            )
        seen.add(name)
        unused.remove(name)
    if unused:
        raise invalid(f"mcp_servers [{' '.join(unused)}] declared but no mcp_toolset in tools references them")
