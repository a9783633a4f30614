"""What a run says. The interpreter's process is not trusted: each line is parsed strictly."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

JsonObject = dict[str, Any]
FailureKind = Literal["program", "thread_limit", "timeout", "unknown"]
"""As in the types of the reference's workflow run errors."""

_Key = Annotated[str, Field(min_length=1, max_length=8192)]
_Line = Annotated[int, Field(ge=1)]
_Index = Annotated[int, Field(ge=0)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PhaseStarted(_Message):
    """The plan entered a phase."""

    type: Literal["phase_started"]
    key: _Key
    phase: _Index
    """Its place among the phases that the plan declares."""


class PhaseEnded(_Message):
    """The plan left a phase, by whatever way. A run that fails leaves its phases open."""

    type: Literal["phase_ended"]
    key: _Key
    """Of its start."""
    phase: _Index


class Call(_Message):
    """The plan waits for an agent."""

    type: Literal["call"]
    key: _Key
    """The same each time that the plan is run with the same results."""
    agent: str | JsonObject
    """The name of a predefined agent, or the definition of an inline one as the plan wrote it."""
    task: str
    schema_: Annotated[JsonObject | None, Field(alias="schema")]
    """A JSON schema for the result, unchecked."""
    line: _Line


class Log(_Message):
    """The plan says something to whoever follows it."""

    type: Literal["log"]
    key: _Key
    text: str


class Done(_Message):
    """The plan finished. The last message."""

    type: Literal["done"]
    result: str
    """JSON."""


class Failed(_Message):
    """The plan did not finish. The last message."""

    type: Literal["failed"] = "failed"
    kind: FailureKind
    message: str
    """Nothing of it was written by the plan or an agent, so that it may be shown to anyone."""
    line: _Line | None = None
    detail: str | None = None
    """For the agent that wrote the plan."""


class Ready(_Message):
    type: Literal["ready"]
    confined: bool


class Checked(_Message):
    type: Literal["checked"]
    phases: list[list[str | None]]
    agents: list[str]


class RefusedPlan(_Message):
    type: Literal["refused"]
    problems: list[tuple[int, str]]


class Waiting(_Message):
    type: Literal["waiting"]
    heard: _Index


Message = PhaseStarted | PhaseEnded | Call | Log | Done | Failed
Spoken = Message | Ready | Checked | RefusedPlan | Waiting
SPOKEN: TypeAdapter[Spoken] = TypeAdapter(Annotated[Spoken, Field(discriminator="type")])
