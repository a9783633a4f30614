"""What a brain can be told to do next: a closed set."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from journeyman.runtime.thread import Call, Thread
from journeyman.runtime.workflow import WorkflowRun
from journeyman.store.port import InboxItem

StopReason = dict[str, Any]

END_TURN: StopReason = {"type": "end_turn"}
BUDGET_REACHED: StopReason = {"type": "budget_reached"}
RETRIES_EXHAUSTED: StopReason = {"type": "retries_exhausted"}


def waits(stop: StopReason) -> bool:
    """For a person or for money: what was under way goes on later."""
    return stop["type"] in ("requires_action", "budget_reached")


def requires_action(calls: list[Call]) -> StopReason:
    return {"type": "requires_action", "event_ids": [call.id for call in calls]}


@dataclass(frozen=True, slots=True)
class Record:
    """Take these items into the log; nothing else changes."""

    items: list[InboxItem]


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget these items: they change nothing, and are not in the log."""

    items: list[InboxItem]


@dataclass(frozen=True, slots=True)
class Begin:
    """Start running: `before` precede the running pair (answers), `after` follow it (messages)."""

    before: list[InboxItem]
    after: list[InboxItem]


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Some of several answers have come: record them and go idle again with what remains."""

    items: list[InboxItem]
    stop: StopReason


@dataclass(frozen=True, slots=True)
class Absorb:
    """A result for a call that has one already: a turn without a model request, then the item."""

    item: InboxItem


@dataclass(frozen=True, slots=True)
class End:
    """Of one thread's turn: its open request, and the calls that are abandoned, each of which gets a result."""

    thread: Thread
    request: str | None
    abandoned: list[Call]


@dataclass(frozen=True, slots=True)
class Interrupt:
    """End the turns of these threads now. `items` end with the interrupt."""

    items: list[InboxItem]
    ends: list[End]
    runs: list[WorkflowRun] = field(default_factory=list[WorkflowRun])
    """That are stopped with them."""


@dataclass(frozen=True, slots=True)
class Settle:
    """No thread is at work any more, which the session has not been told."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Work out from a workflow run's plan, and the outcomes there are, what comes next."""

    run: WorkflowRun


@dataclass(frozen=True, slots=True)
class EndRun:
    """A workflow run is out of time."""

    run: WorkflowRun


@dataclass(frozen=True, slots=True)
class Abandon:
    """Nobody waits for this thread any more: its workflow run is over, or it was archived."""

    end: End
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop the step under way: an interrupt waits for it."""


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A model request that nobody is doing any more (its brain died): close its span, to ask again."""

    request: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Back off until `until` (µs)."""

    until: int


@dataclass(frozen=True, slots=True)
class Resume:
    """The back-off is over: run again."""


@dataclass(frozen=True, slots=True)
class RunTools:
    """Settle these calls, in order."""

    calls: list[Call]


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask the model."""


@dataclass(frozen=True, slots=True)
class Compact:
    """The history nears the model's window: summarise it first."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Ask the grader, once, whether the outcome is reached."""


@dataclass(frozen=True, slots=True)
class GoIdle:
    """End the turn."""

    stop: StopReason
    details: dict[str, Any] | None = field(default=None)


Step = (
    Record
    | Drop
    | Begin
    | AskAgain
    | Absorb
    | Interrupt
    | Cut
    | Compute
    | EndRun
    | Abandon
    | Settle
    | CloseRequest
    | Wait
    | Resume
    | RunTools
    | CallModel
    | Compact
    | Evaluate
    | GoIdle
)


class Move(NamedTuple):
    """A thread's next step."""

    thread: Thread
    step: Step
