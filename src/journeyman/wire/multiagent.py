"""Multiagent orchestration on an agent: a coordinator's roster, or advisor, subagents and workflows."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from journeyman.wire.errors import invalid
from journeyman.wire.references import AgentReference
from journeyman.wire.strict import NonEmpty, Strict, shorthand


class SelfReference(Strict):
    """The agent that owns the configuration."""

    type: Literal["self"]


class AdvisorReference(Strict):
    """A model the primary thread may consult."""

    type: Literal["advisor"]
    model: NonEmpty


class Disabled(Strict):
    """The feature is off."""

    type: Literal["disabled"]


class Enabled(Strict):
    """The feature is on."""

    type: Literal["enabled"]


class AdvisorEnabled(Strict):
    """An advisor model may be consulted."""

    type: Literal["enabled"]
    model: NonEmpty


PredefinedAgent: TypeAlias = Annotated[AgentReference | SelfReference, Field(discriminator="type")]
RosterEntry: TypeAlias = Annotated[AgentReference | SelfReference | AdvisorReference, Field(discriminator="type")]


class AgentsEnabled(Strict):
    """Subagents or workflows may run these agents, and inline ones unless that is disabled."""

    type: Literal["enabled"]
    inline_agents: Annotated[Enabled | Disabled, Field(discriminator="type")] | None = None
    predefined_agents: (
        Annotated[list[Annotated[PredefinedAgent, shorthand("id", type="agent")]], Field(max_length=20)] | None
    ) = None


class Coordinator(Strict):
    """One thread that delegates to a roster of agents."""

    type: Literal["coordinator"]
    agents: Annotated[list[Annotated[RosterEntry, shorthand("id", type="agent")]], Field(min_length=1, max_length=20)]


class Multiagent20261001(Strict):
    """Advisor, subagents and workflows, each on or off."""

    type: Literal["multiagent_20261001"]
    advisor: Annotated[AdvisorEnabled | Disabled, Field(discriminator="type")] | None = None
    subagents: Annotated[AgentsEnabled | Disabled, Field(discriminator="type")] | None = None
    workflows: Annotated[AgentsEnabled | Disabled, Field(discriminator="type")] | None = None


MultiagentParams: TypeAlias = Annotated[Coordinator | Multiagent20261001, Field(discriminator="type")]


def check(path: str, multiagent: MultiagentParams) -> None:
    """Raise ApiError for a second advisor."""
    if isinstance(multiagent, Coordinator):
        advisors = [place for place, entry in enumerate(multiagent.agents) if isinstance(entry, AdvisorReference)]
        if len(advisors) > 1:
            raise invalid(f"{path}.agents.{advisors[1]}: duplicate entry; at most one advisor is allowed")
