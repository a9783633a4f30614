"""Agents: what a client sends to make or change one, and the stored body.

A stored body is the resource without `id`, `version` and the timestamps, which the store adds; it also finds the
versions of the agents in `multiagent`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from journeyman.wire import mcp, metadata, models, multiagent, not_yet, skills, tools
from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json
from journeyman.wire.mcp import McpServerParams
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.models import Model
from journeyman.wire.multiagent import MultiagentParams
from journeyman.wire.multiagent_merge import merge
from journeyman.wire.skills import Skills
from journeyman.wire.strict import NonEmpty, Strict, parse
from journeyman.wire.tools import Tools


class ServiceAccount(Strict):
    """Runs carry no principal of the customer's."""

    type: Literal["service_account"]


class AwsRole(Strict):
    """Runs carry an AWS IAM role."""

    type: Literal["aws_role"]
    role_arn: Annotated[str, Field(min_length=1, max_length=2048)]


ExecutionIdentity: TypeAlias = Annotated[ServiceAccount | AwsRole, Field(discriminator="type")]


class AgentCreate(Strict):
    """Body of agent create; null means omitted."""

    name: NonEmpty
    model: Model
    description: str | None = None
    system: str | None = None
    tools: Tools | None = None
    mcp_servers: list[McpServerParams] | None = None
    skills: Skills | None = None
    multiagent: MultiagentParams | None = None
    metadata: Metadata | None = None
    execution_identity: ExecutionIdentity | None = None


class AgentUpdate(Strict):
    """Body of agent update; an omitted field keeps its value, a null one is cleared."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    name: NonEmpty | None = None
    model: Model | None = None
    description: str | None = None
    system: str | None = None
    tools: Tools | None = None
    mcp_servers: list[McpServerParams] | None = None
    skills: Skills | None = None
    multiagent: MultiagentParams | None = None
    metadata: MetadataPatch | None = None
    execution_identity: ExecutionIdentity | None = None


AGENT_CREATE: TypeAdapter[AgentCreate] = TypeAdapter(AgentCreate)
AGENT_UPDATE: TypeAdapter[AgentUpdate] = TypeAdapter(AgentUpdate)


def parse_create(body: bytes) -> AgentCreate:
    """A checked create; raises ApiError."""
    create = parse(AGENT_CREATE, body)
    _check(create)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> AgentUpdate:
    """A checked update; what depends on the stored agent is checked by `apply_update`. Raises ApiError."""
    update = parse(AGENT_UPDATE, body)
    for field in ("name", "model"):
        if update.given(field) and getattr(update, field) is None:
            raise invalid(f"{field}: cannot be cleared")
    _check(update)
    return update


def materialise(create: AgentCreate) -> Json:
    """The stored body of a new agent.

    Raises ApiError when its tools and servers do not fit together, and for what is not supported yet.
    """
    body: Json = {
        "type": "agent",
        "name": create.name,
        "description": create.description or None,
        "system": create.system or None,
        "model": models.materialise(create.model),
        "tools": tools.materialise(create.tools or []),
        "mcp_servers": [mcp.materialise_server(server) for server in create.mcp_servers or []],
        "skills": skills.materialise(create.skills or []),
        "multiagent": None if create.multiagent is None else merge(None, create.multiagent),
        "metadata": metadata.checked(create.metadata),
        "execution_identity": {"type": "service_account"},
    }
    mcp.check_references("tools", body["tools"], body["mcp_servers"])
    _refuse(create)
    return body


def apply_update(current: Mapping[str, Any], update: AgentUpdate) -> Json:
    """The stored body after `update`, equal to `current` when nothing changes. Other keys are kept.

    Raises ApiError when the result does not fit together, and for what is not supported yet.
    `update.version` is the caller's to compare.
    """
    body: Json = dict(current)
    if update.name is not None:
        body["name"] = update.name
    if update.model is not None:
        body["model"] = models.replace(body["model"], update.model)
    for field, value in (("description", update.description), ("system", update.system)):
        if update.given(field):
            body[field] = value or None
    if update.given("tools"):
        body["tools"] = tools.materialise(update.tools or [])
    if update.given("mcp_servers"):
        body["mcp_servers"] = [mcp.materialise_server(server) for server in update.mcp_servers or []]
    if update.given("skills"):
        body["skills"] = skills.materialise(update.skills or [])
    if update.given("multiagent"):
        body["multiagent"] = None if update.multiagent is None else merge(body["multiagent"], update.multiagent)
    body["metadata"] = metadata.patched(body["metadata"], update.metadata)
    mcp.check_references("tools", body["tools"], body["mcp_servers"])
    _refuse(update)
    return body


def _refuse(agent: AgentCreate | AgentUpdate) -> None:
    identity = agent.execution_identity.type if agent.execution_identity is not None else None
    not_yet.refuse_agent(identity=identity)


def _check(agent: AgentCreate | AgentUpdate) -> None:
    tools.check("tools", agent.tools or [])
    mcp.check_servers("mcp_servers", agent.mcp_servers or [])
    if agent.multiagent is not None:
        multiagent.check("multiagent", agent.multiagent)
