"""Sessions: what a client sends to make or change one, and the agent snapshot a session runs."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter

from journeyman.wire import events, mcp, metadata, models, skills, tools
from journeyman.wire.budgets import create_only
from journeyman.wire.errors import invalid
from journeyman.wire.events import InitialEvent
from journeyman.wire.json_value import Json
from journeyman.wire.mcp import McpServerParams
from journeyman.wire.metadata import Metadata, MetadataPatch
from journeyman.wire.models import Model
from journeyman.wire.references import AgentReference, Id
from journeyman.wire.resources import ResourceParams
from journeyman.wire.rosters import Entries, is_copy, replaced
from journeyman.wire.skills import Skills
from journeyman.wire.strict import Strict, parse, refuse, shorthand
from journeyman.wire.tools import Tools

_SNAPSHOT = (
    "id",
    "type",
    "version",
    "name",
    "description",
    "system",
    "model",
    "tools",
    "mcp_servers",
    "skills",
    "multiagent",
    "execution_identity",
)


class AgentWithOverrides(Strict):
    """An agent with some fields replaced for this session: omitted inherits, null clears."""

    type: Literal["agent_with_overrides"]
    id: Id
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    model: Model | None = None
    system: Annotated[str, Field(max_length=100_000)] | None = None
    tools: Tools | None = None
    mcp_servers: list[McpServerParams] | None = None
    skills: Skills | None = None


SessionAgent: TypeAlias = Annotated[AgentReference | AgentWithOverrides, Field(discriminator="type")]


def _title(title: str) -> str:
    if "\0" in title:
        raise refuse("must not contain a null character")
    return title


Title: TypeAlias = Annotated[str, AfterValidator(_title)]


def _cents(amount: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", amount):
        raise refuse('must be a whole number of cents above zero without leading zeros, such as "2500"')
    return amount


class MonetaryAmount(Strict):
    """An amount in cents, as a string."""

    amount: Annotated[str, AfterValidator(_cents)]
    currency: Literal["USD"]


class BudgetLimit(Strict):
    """A hard ceiling on a session's list cost."""

    type: Literal["limit"]
    max_list_cost: MonetaryAmount


class SessionCreate(Strict):
    """Body of session create. A bare string as `agent` is read as its latest version."""

    agent: Annotated[SessionAgent, shorthand("id", type="agent")]
    environment_id: Id
    title: Title | None = None
    metadata: Metadata | None = None
    initial_events: Annotated[list[InitialEvent], Field(max_length=50)] | None = None
    resources: Annotated[list[ResourceParams], Field(max_length=500)] | None = None
    vault_ids: Annotated[list[Id], Field(max_length=50)] | None = None
    budget: BudgetLimit | None = None


class SessionAgentUpdate(Strict):
    """The parts of a session's agent that can change."""

    tools: Tools | None = None
    mcp_servers: list[McpServerParams] | None = None


class SessionUpdate(Strict):
    """Body of session update; an omitted field keeps its value."""

    title: Title | None = None
    metadata: MetadataPatch | None = None
    agent: SessionAgentUpdate | None = None
    budget: BudgetLimit | None = None
    vault_ids: list[Id] | None = None


SESSION_CREATE: TypeAdapter[SessionCreate] = TypeAdapter(SessionCreate)
SESSION_UPDATE: TypeAdapter[SessionUpdate] = TypeAdapter(SessionUpdate)


def parse_create(body: bytes) -> SessionCreate:
    """A checked create; raises ApiError."""
    create = parse(SESSION_CREATE, body)
    if isinstance(create.agent, AgentWithOverrides):
        _check_overrides(create.agent)
    initial = create.initial_events or []
    events.check("initial_events", initial)
    metadata.checked(create.metadata)
    return create


def parse_update(body: bytes) -> SessionUpdate:
    """A checked update; what depends on the session is checked by `apply_update`. Raises ApiError."""
    update = parse(SESSION_UPDATE, body)
    if update.given("vault_ids"):
        raise invalid("vault_ids: cannot be changed after the session is created")
    if update.agent is not None:
        tools.check("agent.tools", update.agent.tools or [])
        mcp.check_servers("agent.mcp_servers", update.agent.mcp_servers or [])
    return update


def resolve_agent(agent: Mapping[str, Any], reference: AgentReference | AgentWithOverrides) -> Json:
    """The session's snapshot of an agent (a whole resource, with id and version), overrides applied.

    Its `multiagent` stays as it is.

    Raises ApiError when the result does not fit together, and for what is not supported yet.
    """
    snapshot: Json = {key: agent[key] for key in _SNAPSHOT}
    if isinstance(reference, AgentReference):
        return snapshot
    if reference.model is not None:
        # The reference ignores an effort inside an override, and does not carry the agent's own over.
        snapshot["model"] = models.materialise(reference.model.model_copy(update={"effort": None}))
    if reference.given("system"):
        snapshot["system"] = reference.system or None
    if reference.given("skills"):
        snapshot["skills"] = skills.materialise(reference.skills or [])
    return _with_tools(snapshot, reference)


def definition(agent: Mapping[str, Any]) -> Json:
    """Of an agent that a thread runs: its snapshot without a roster."""
    return {key: agent[key] for key in _SNAPSHOT if key != "multiagent"}


def apply_update(current: Mapping[str, Any], update: SessionUpdate) -> Json:
    """The session's body after `update`, equal to `current` when nothing changes. Other keys are kept.

    Raises ApiError when the result does not fit together, and for what is not supported yet.
    """
    body: Json = dict(current)
    if update.given("title"):
        body["title"] = update.title
    body["metadata"] = metadata.patched(body["metadata"], update.metadata)
    if update.agent is not None:
        body["agent"] = _with_copies(_with_tools(dict(body["agent"]), update.agent))
    if update.given("budget") and update.budget is not None and body.get("budget") is None:
        raise create_only()
    if update.given("budget") and body.get("budget") is not None:
        body["budget"] = None if update.budget is None else update.budget.model_dump()
    return body


def _with_tools(agent: Json, change: AgentWithOverrides | SessionAgentUpdate) -> Json:
    if change.given("tools"):
        agent["tools"] = tools.materialise(change.tools or [])
    if change.given("mcp_servers"):
        agent["mcp_servers"] = [mcp.materialise_server(server) for server in change.mcp_servers or []]
    mcp.check_references("agent.tools", agent["tools"], agent["mcp_servers"])
    return agent


def _with_copies(agent: Json) -> Json:
    """Copies of the agent in its own roster are as it is."""
    if agent.get("multiagent") is None:
        return agent
    own = definition(agent)

    def copied(_: str, entries: Entries) -> Entries:
        return [own if is_copy(entry, agent) else entry for entry in entries]

    return {**agent, "multiagent": replaced(agent["multiagent"], copied)}


def _check_overrides(agent: AgentWithOverrides) -> None:
    if agent.given("model") and agent.model is None:
        raise invalid("agent.model: cannot be cleared; a session needs a model", code="agent_model_required")
    tools.check("agent.tools", agent.tools or [])
    mcp.check_servers("agent.mcp_servers", agent.mcp_servers or [])
