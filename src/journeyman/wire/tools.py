"""An agent's tools: the built-in toolset, MCP toolsets and custom tools."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import Field

from journeyman.wire import custom_tools, mcp, toolset
from journeyman.wire.custom_tools import CustomToolParams
from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.mcp import McpToolsetParams
from journeyman.wire.parse_error import quote
from journeyman.wire.toolset import TOOL_NAMES, AgentToolsetParams

ToolParams: TypeAlias = Annotated[AgentToolsetParams | McpToolsetParams | CustomToolParams, Field(discriminator="type")]
Tools: TypeAlias = Annotated[list[ToolParams], Field(max_length=256)]


def materialise(tools: Sequence[ToolParams]) -> list[Json]:
    """The stored form of every tool."""
    return [_stored(tool) for tool in tools]


def check(path: str, tools: Sequence[ToolParams]) -> None:
    """Raise ApiError for the first tool that breaks a rule of its kind, or repeats an earlier one."""
    custom = frozenset(tool.name for tool in tools if isinstance(tool, CustomToolParams))
    names: set[str] = set()
    toolsets = 0
    for position, tool in enumerate(tools):
        where = f"{path}.{position}.{tool.type}"
        match tool:
            case AgentToolsetParams():
                toolsets += 1
                if toolsets > 1:
                    raise invalid(f"{where}: duplicate entry; at most one agent_toolset_20260401 is allowed")
                toolset.check(where, tool, custom)
            case McpToolsetParams():
                mcp.check_toolset(where, tool)
            case CustomToolParams():
                custom_tools.check(where, tool, frozenset(TOOL_NAMES))
                if tool.name in names:
                    raise invalid(f"{where}.name: duplicate tool name {quote(tool.name)}")
                names.add(tool.name)


def _stored(tool: ToolParams) -> Json:
    match tool:
        case AgentToolsetParams():
            return toolset.materialise(tool)
        case McpToolsetParams():
            return mcp.materialise_toolset(tool)
        case CustomToolParams():
            return custom_tools.materialise(tool)
