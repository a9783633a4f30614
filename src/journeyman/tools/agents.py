"""The tools with which an agent delegates: what the model is offered, and how its calls are read.

They change nothing but the session's own log, so that the brain carries them out itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError

from journeyman.tools.inputs import ToolInput, explain, schema

JsonObject = dict[str, Any]

LIST, SPAWN, SEND, WAIT = "list_agents", "spawn_agent", "send_to_agent", "wait_for_agents"
ADVISOR = "consult_advisor"


class ListInput(ToolInput):
    """Nothing is needed."""


class SpawnInput(ToolInput):
    agent: str = Field(min_length=1, description="The name of one of the agents that list_agents tells.")
    task: str = Field(
        min_length=1,
        description="What it is to do, complete in itself: it knows nothing of this conversation. It works in the same "
        "sandbox and sees the same files.",
    )


class DefineInput(ToolInput):
    """As SpawnInput, where agents may be defined too."""

    agent: str | None = Field(None, min_length=1, description=SpawnInput.model_fields["agent"].description)
    inline_agent: dict[str, Any] | None = Field(
        None,
        description="Instead of agent: one of your own making. All keys may be left out: name, description, system "
        "(its instructions), model (else yours), tools and mcp_servers (names of your own; else all).",
    )
    task: str = Field(min_length=1, description=SpawnInput.model_fields["task"].description)


class SendInput(ToolInput):
    session_thread_id: str = Field(min_length=1, description="The thread of the agent, as spawn_agent told it.")
    message: str = Field(min_length=1, description="A follow-up; the agent remembers everything of before.")


class WaitInput(ToolInput):
    session_thread_ids: list[str] | None = Field(None, description="Threads to wait for; leave out for all.")


class AdvisorInput(ToolInput):
    """Nothing is needed: the advisor is shown the whole conversation."""


_DELEGATION: Mapping[str, tuple[type[ToolInput], str]] = {
    LIST: (ListInput, "List the agents that tasks can be delegated to, and the threads that are there already."),
    SPAWN: (
        SpawnInput,
        "Delegate a task to an agent, which works on it in a thread of its own, side by side with you and with others. "
        "Returns the thread's id at once. What the agent answers comes to you as a message when it is done.",
    ),
    SEND: (SendInput, "Send a message to an agent that was spawned before. Its answer comes as a message."),
    WAIT: (
        WaitInput,
        "Wait until agents have finished what they are doing. Their answers follow as messages. Without it they work "
        "on while you do, and you can end your turn: a message of theirs begins a new one.",
    ),
}
_ADVICE = (
    "Ask a more capable model for advice on how to go on: before a large decision, when stuck, or before declaring a "
    "task done. It is shown the whole conversation; nothing needs to be said to it."
)


def delegation(*, inline: bool) -> list[JsonObject]:
    """Definitions of the tools that delegate; `inline`: agents may be defined too."""
    return [_definition(name, text, _inputs_of(name, inline=inline)) for name, (_, text) in _DELEGATION.items()]


def advice() -> JsonObject:
    """The definition of the tool that consults an advisor."""
    return _definition(ADVISOR, _ADVICE, AdvisorInput)


def read(name: str, given: JsonObject, *, inline: bool) -> ToolInput | str:
    """A call of a delegating tool, or what is wrong with it."""
    inputs = _inputs_of(name, inline=inline)
    try:
        return inputs.model_validate(given)
    except ValidationError as error:
        return explain(name, inputs, error)


def is_delegation(name: str) -> bool:
    return name in _DELEGATION


def names() -> Sequence[str]:
    """All names that are reserved for these tools."""
    return [*_DELEGATION, ADVISOR]


def _inputs_of(name: str, *, inline: bool) -> type[ToolInput]:
    return DefineInput if inline and name == SPAWN else _DELEGATION[name][0]


def _definition(name: str, description: str, inputs: type[ToolInput]) -> JsonObject:
    return {"name": name, "description": description, "input_schema": schema(inputs)}
