"""A session as its log tells it."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from journeyman.runtime.outcome import Outcome
from journeyman.runtime.thread import Thread
from journeyman.runtime.usage import Usage, total
from journeyman.runtime.workflow import WorkflowRun
from journeyman.telemetry.port import Turn
from journeyman.wire.budgets import cap

JsonObject = dict[str, Any]


@dataclass(slots=True)
class SessionState:
    """What the rows add up to. The owner keeps one and folds only what is new."""

    primary: Thread
    children: dict[str, Thread] = field(default_factory=dict[str, Thread])
    """The threads that the primary one spawned, oldest first."""
    runs: dict[str, WorkflowRun] = field(default_factory=dict[str, WorkflowRun])
    computed: dict[str, int] = field(default_factory=dict[str, int])
    """With how many outcomes each run's plan was computed last, by this owner: no row says it."""
    status: Literal["idle", "running", "rescheduling", "terminated"] = "idle"
    active_us: int = 0
    running_since: int | None = None
    turn_began: int = 0
    """µs since the epoch: when it last went from idle to running."""
    head: int = 0
    last_at: int = 0
    budget: JsonObject | None = None
    warned: list[str] = field(default_factory=list[str])
    """Credentials of which has been said that they cannot be used."""
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    @property
    def outcome(self) -> Outcome | None:
        """The one that is worked towards."""
        return self.outcomes[-1] if self.outcomes and self.outcomes[-1].is_active else None

    def is_evaluating(self, thread: Thread) -> bool:
        """What `thread` has done is being graded."""
        return thread is self.primary and self.outcome is not None and self.outcome.evaluation is not None

    @property
    def agent(self) -> JsonObject:
        """The session's: the primary thread's."""
        return self.primary.agent

    @property
    def threads(self) -> list[Thread]:
        return [self.primary, *self.children.values()]

    def used(self, threads_us: int, active_us: int) -> Usage:
        """`usage`, with how much longer its threads ran, all together, than it did (µs)."""
        return replace(self.usage, overlap_us=max(0, threads_us - active_us))

    @property
    def usage(self) -> Usage:
        """Of all threads."""
        return total(thread.usage for thread in self.threads) if self.children else self.primary.usage

    @property
    def open_runs(self) -> list[WorkflowRun]:
        return [run for run in self.runs.values() if run.is_open]

    def threads_of(self, run: WorkflowRun) -> list[Thread]:
        """That are not over."""
        found = [self.children[each] for each in run.threads.values() if each in self.children]
        return [thread for thread in found if thread.status != "terminated"]

    def thread(self, thread_id: str | None) -> Thread:
        """The primary one for None, and for an id that is not known."""
        return self.children.get(thread_id or "", self.primary)

    def caller(self, call_id: str | None) -> Thread:
        """Whose call it is; the primary thread for one that is not open."""
        return next((each for each in self.children.values() if call_id in each.calls), self.primary)

    def is_spent(self, now: int, more: int = 0) -> bool:
        """Whether it has cost as much as its budget allows; `now` in µs, `more` nano-dollars not in the log yet."""
        limit = cap(self.budget)
        ran = max(0, now - self.running_since) if self.running_since is not None else 0
        return limit is not None and self.usage.list_cost_nano(self.active_us + ran) + more >= limit


def turn_of(session_id: str, state: SessionState) -> Turn:
    """The turn under way, or the last one, as observers are told of it."""
    return Turn(session_id, state.turn_began, str(state.agent.get("id", "")), str(state.agent.get("name", "")))


def said(state: SessionState, thread: Thread) -> list[str]:
    """What the person has said in the session and to a thread, oldest first: of `user.message` the text alone."""
    heard = state.primary.shown if thread is state.primary else [*state.primary.shown, *thread.shown]
    messages = [body["content"] for body, _ in heard if body["type"] == "user.message"]
    return ["\n".join(block["text"] for block in content if block["type"] == "text") for content in messages]
