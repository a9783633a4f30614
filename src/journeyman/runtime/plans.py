"""Reading and computing the plans of workflow runs, each time in a process of its own that ends with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from journeyman.workflows.checking import check
from journeyman.workflows.language import DESCRIPTION
from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import Call, Done, Failed, PhaseEnded, PhaseStarted
from journeyman.workflows.plan import Phase, Refused
from journeyman.workflows.runner import Outcome, Run

JsonObject = dict[str, Any]


class Moment(NamedTuple):
    """A phase was entered or left; `key` is its place in the plan and iteration, `phase` its place among the phases."""

    enters: bool
    key: str
    phase: int


class Wanted(NamedTuple):
    """A call of an agent that has no outcome yet."""

    key: str
    agent: str | JsonObject
    """A name, or a definition."""
    task: str
    schema: JsonObject | None
    """Of the JSON that its answer is to be; None: a text."""


@dataclass(slots=True)
class Computed:
    """How far a plan comes with the outcomes there are. Neither done nor failed: it waits for what it wants."""

    moments: list[Moment] = field(default_factory=list[Moment])
    wanted: list[Wanted] = field(default_factory=list[Wanted])
    done: Done | None = None
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """The same outcomes give the same answer, on any machine."""

    limits: Limits = field(default_factory=Limits)
    language: str = DESCRIPTION
    """For the model: how to write one."""

    async def check(self, plan: str) -> Sequence[Phase] | str:
        """What it declares, or what is wrong with it."""
        try:
            return (await check(plan, self.limits)).phases
        except Refused as error:
            return str(error)

    async def compute(self, plan: str, outcomes: Mapping[str, JsonObject]) -> Computed:
        """As far as it comes."""
        found = Computed()
        known = {key: _outcome(each) for key, each in outcomes.items()}
        async with Run(plan, known, self.limits, pauses=True) as run:
            async for message in run:
                match message:
                    case PhaseStarted() | PhaseEnded():
                        found.moments.append(Moment(isinstance(message, PhaseStarted), message.key, message.phase))
                    case Call():
                        found.wanted.append(Wanted(message.key, message.agent, message.task, message.schema_))
                    case Done():
                        found.done = message
                    case Failed():
                        found.failed = message
                    case _:
                        pass
        return found


def _outcome(logged: JsonObject) -> Outcome:
    if "error" in logged:
        return Outcome(error=logged["error"])
    return Outcome(value=orjson.dumps(logged["value"]).decode())
