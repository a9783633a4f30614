"""Inline agents: those that a model defines as it delegates, which are nowhere saved.

A definition chooses among what the defining agent has. It cannot bring in tools, servers or policies of its own, as its
author is a model, whose input may be anybody's.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from journeyman.wire import models, toolset
from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.models import ModelParams
from journeyman.wire.parse_error import quote
from journeyman.wire.rosters import ADVISOR_NAME
from journeyman.wire.strict import NonEmpty, Strict, parse


class InlineAgentParams(Strict):
    """What a model may say of such an agent. The descriptions are for the model."""

    name: Annotated[str, Field(min_length=1, max_length=128, description="What to call it.")] | None = None
    description: Annotated[str, Field(max_length=2_000, description="What it is for, in a sentence.")] | None = None
    model: Annotated[str, Field(min_length=1, description="Leave out for your own.")] | None = None
    system: Annotated[str, Field(max_length=100_000, description="Its instructions.")] | None = None
    tools: Annotated[list[NonEmpty], Field(description="Names of your own tools; leave out for all.")] | None = None
    mcp_servers: (
        Annotated[list[NonEmpty], Field(description="Names of your own MCP servers; leave out for all.")] | None
    ) = None


INLINE_AGENT: TypeAdapter[InlineAgentParams] = TypeAdapter(InlineAgentParams)


def define(definition: Mapping[str, Any], author: Mapping[str, Any], assigned: str) -> Json:
    """The agent as its thread shows it, defined by the agent `author`; `assigned` is its name when it has none.

    Raises ApiError naming the field, in words that the author can be told.
    """
    params = parse(INLINE_AGENT, json.dumps(definition).encode(), what="agent")
    if params.name == ADVISOR_NAME:
        raise invalid(f"name: {quote(ADVISOR_NAME)} is reserved")
    servers = _servers(author, params.mcp_servers)
    tools = _tools(author, params.tools, [server["name"] for server in servers])
    return {
        "type": "inline",
        "name": params.name or assigned,
        "description": params.description or None,
        "system": params.system or None,
        "model": _model(author["model"], params.model),
        "tools": tools,
        "mcp_servers": servers,
        "skills": list(author["skills"]) if any("read" in toolset.enabled(tool) for tool in tools) else [],
        "execution_identity": author["execution_identity"],
    }


def _model(own: Json, wanted: str | None) -> Json:
    if wanted in (None, own["id"]):
        return own
    return models.materialise(ModelParams(id=wanted, inference_geo=own.get("inference_geo")))


def _servers(author: Mapping[str, Any], wanted: Sequence[str] | None) -> list[Json]:
    own = {server["name"]: server for server in author["mcp_servers"]}
    _check("mcp_servers", wanted or [], list(own))
    return [server for name, server in own.items() if wanted is None or name in wanted]


def _tools(author: Mapping[str, Any], wanted: Sequence[str] | None, servers: Sequence[str]) -> list[Json]:
    _check("tools", wanted or [], [name for tool in author["tools"] for name in _names(tool)])
    chosen: list[Json] = []
    for tool in author["tools"]:
        if tool["type"] == "mcp_toolset":
            chosen += [tool] if tool["mcp_server_name"] in servers else []
        elif wanted is None:
            chosen.append(tool)
        elif names := [name for name in _names(tool) if name in wanted]:
            chosen.append(tool if tool["type"] == "custom" else toolset.narrowed(tool, names))
    return chosen


def _names(tool: Mapping[str, Any]) -> Sequence[str]:
    return [tool["name"]] if tool["type"] == "custom" else toolset.enabled(tool)


def _check(field: str, wanted: Sequence[str], own: Sequence[str]) -> None:
    for place, name in enumerate(wanted):
        if name not in own:
            raise invalid(f"{field}.{place}: {quote(name)} is none of your own; you have {', '.join(own) or 'none'}")
