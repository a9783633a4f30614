"""What holds for every event list, whatever was sent and when (facts 8 and 9)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .conversation import Event

SPOKEN = ("agent.message", "agent.thinking", "agent.tool_use", "agent.custom_tool_use")
USES = ("agent.tool_use", "agent.custom_tool_use")
RESULTS = {"agent.tool_result": "tool_use_id", "user.custom_tool_result": "custom_tool_use_id"}
ON_RECEIPT = ("user.custom_tool_result", "user.define_outcome")
STATUSES = {
    "session.status_running": "running",
    "session.status_idle": "idle",
    "session.status_rescheduled": "rescheduling",
}


@dataclass(slots=True)
class Reader:
    """Reads events in order; `wrong` says what does not hold."""

    status: str = "idle"
    waiting: bool = False
    span: str | None = None
    evaluation: str | None = None
    open_uses: set[str] = field(default_factory=set[str])
    settled: set[str] = field(default_factory=set[str])
    wrong: list[str] = field(default_factory=list[str])

    def read(self, event: Event) -> None:
        kind = event["type"]
        if kind in STATUSES:
            self._status(event)
        elif kind.startswith("span.outcome_"):
            self._evaluation(event)
        elif kind.startswith("span."):
            self._span(event)
        elif kind in RESULTS:
            self._result(event)
        elif kind in SPOKEN:
            self.expect(self.span is not None, f"{kind} outside of a request")
        elif kind == "user.message":
            self.expect(self.span is None, "a message within a request")
        if kind in USES:
            self.open_uses.add(event["id"])

    def _status(self, event: Event) -> None:
        status = STATUSES[event["type"]]
        self.expect(self.span is None, f"{status} within a request")
        if status == "idle":
            waits = event["stop_reason"]["type"] == "requires_action"
            self.expect(self.status == "running" or self.waiting or self.status == "rescheduling", "idle twice")
            self.expect(waits or not self.open_uses, "the turn ended with unanswered calls")
            self.waiting = waits
        else:
            self.expect(status != self.status, f"{status} twice")
        self.status = status

    def _span(self, event: Event) -> None:
        if event["type"] == "span.model_request_start":
            self.expect(self.status == "running", f"a request while {self.status}")
            self.expect(self.span is None, "a request within a request")
            self.expect(self.evaluation is None, "a request within an evaluation")
            self.expect(not self.open_uses, "a request with unanswered calls")
            self.span = event["id"]
        else:
            self.expect(event["model_request_start_id"] == self.span, "the end of another request")
            self.span = None

    def _evaluation(self, event: Event) -> None:
        kind = event["type"].removeprefix("span.outcome_evaluation_")
        self.expect(self.span is None, "grading within a request")
        if kind == "start":
            self.expect(self.evaluation is None, "an evaluation within an evaluation")
            self.evaluation = event["id"]
        elif kind == "ongoing":
            self.expect(self.evaluation is not None, "a sign of life of no evaluation")
        else:
            self.expect(event["outcome_evaluation_start_id"] == (self.evaluation or ""), "the end of another one")
            self.evaluation = None

    def _result(self, event: Event) -> None:
        use = event[RESULTS[event["type"]]]
        self.expect(self.span is None, "a result within a request")
        self.expect(event["type"] != "agent.tool_result" or use not in self.settled, "two results of one call")
        self.open_uses.discard(use)
        self.settled.add(use)

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)


def broken(events: Sequence[Event]) -> list[str]:
    """What does not hold for the event list of a session at rest; empty when all is well."""
    reader = Reader()
    for event in events:
        reader.read(event)
    ids = [event["id"] for event in events]
    reader.expect(len(ids) == len(set(ids)), "an id twice")
    stamps = [event["processed_at"] for event in events if event["type"] not in ON_RECEIPT]
    reader.expect(stamps == sorted(set(stamps)), "stamps out of order")
    reader.expect(reader.status == "idle", f"it ended {reader.status}")
    return reader.wrong
