"""A brain: does for one session what was decided, until there is nothing to do.

Recovery is not a feature: a brain that starts on another's log decides from the same rows. Threads work side by side;
what they find out becomes rows and steps here, one after the other.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from journeyman.engine.port import Superseded
from journeyman.runtime import draft, ending, outcome_ends, workflow_events
from journeyman.runtime.computer import Computer
from journeyman.runtime.damage import give_up
from journeyman.runtime.decide import decide
from journeyman.runtime.folding import fold
from journeyman.runtime.journal import Journal
from journeyman.runtime.mail import reader
from journeyman.runtime.parts import Parts
from journeyman.runtime.pen import owned
from journeyman.runtime.planning import Planning, ended_with_error, stopped
from journeyman.runtime.plans import Computed
from journeyman.runtime.session import SessionState, turn_of
from journeyman.runtime.standing import Leaving, backs_off, ends_session, starts, stops
from journeyman.runtime.steps import (
    END_TURN,
    RETRIES_EXHAUSTED,
    Abandon,
    Absorb,
    AskAgain,
    Begin,
    CallModel,
    CloseRequest,
    Compact,
    Compute,
    Cut,
    Drop,
    End,
    EndRun,
    Evaluate,
    GoIdle,
    Interrupt,
    Move,
    Record,
    Resume,
    RunTools,
    Settle,
    Step,
    Wait,
)
from journeyman.runtime.thread import Thread
from journeyman.runtime.threadwork import LongStep, ThreadWork
from journeyman.runtime.turn import Failure
from journeyman.runtime.workflow import WorkflowRun
from journeyman.sandboxes.port import StaleRun
from journeyman.store.port import Claim, DamagedLog, InboxItem, LostOwnership, Row
from journeyman.telemetry.logs import bind
from journeyman.telemetry.port import Span
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.sessions")

_LATE = "It took longer than a run may."


class Brain:
    """The owner of one session in this process. Made by `wake_up`; `run` it whenever the session is woken."""

    def __init__(self, parts: Parts, claim: Claim, state: SessionState) -> None:
        self._parts = parts
        self._claim = claim
        self._state = state
        self._journal = Journal(parts.log, parts.hub, claim, state, parts.lease, parts.observer)
        self._computer = Computer(parts.sandboxes, parts.log, claim, state, parts.carrier, parts.belongings)
        self._planning = Planning(parts.plans, state)
        self._works: dict[str, ThreadWork] = {}
        self._busy: dict[str, asyncio.Task[Failure | Computed | None]] = {}
        """What is under way, by thread, or by workflow run."""
        self._news = asyncio.Event()
        self._inbox: list[InboxItem] = []
        self._inbox_end = claim.seen_seq
        self._mail = True
        self._causes: list[str] = []

    @classmethod
    async def wake_up(cls, parts: Parts, session_id: str) -> "Brain | None":
        """Claim a session and fold its log; None when it is gone or over, or its log is damaged."""
        claim = await parts.log.claim(session_id)
        if claim is None:
            return None
        try:
            rows = await parts.log.rows(session_id)
            state = _folded(claim, rows)
        except DamagedLog as error:
            with contextlib.suppress(LostOwnership):
                await give_up(parts.log, parts.hub, claim, error)
            return None
        return cls(parts, claim, state)

    def notify(self) -> None:
        """There is something in the inbox."""
        self._mail = True
        self._news.set()

    async def run(self) -> int | None:
        """Work until there is nothing to do; the time (µs) to be woken at, if any. Raises Superseded."""
        try:
            return await self._run()
        except (LostOwnership, StaleRun) as error:
            raise Superseded(self._claim.session_id) from error
        finally:
            await self._stop()

    async def _run(self) -> int | None:
        bind(session_id=self._claim.session_id, workspace_id=self._claim.workspace_id)
        self._computer.warm()
        while True:
            await self._finish()
            await self._read_inbox()
            moves = decide(self._state, self._inbox, now_us(), compact_at=self._compact_at, busy=self._busy.keys())
            due = min((step.until for _, step in moves if isinstance(step, Wait)), default=None)
            if await self._make(moves):
                continue
            if self._busy:
                await self._something(due)
            elif due is not None:
                await self._journal.rest(self._journal.seen)
                return due
            else:
                await self._journal.rest(self._inbox_end)
                if not self._mail:
                    return None

    async def _make(self, moves: list[Move]) -> bool:
        """Begin the steps that take their time, and do the first that does not; whether to decide again."""
        for thread, step in moves:
            match step:
                case Wait():
                    pass
                case Cut():
                    if not self._busy[thread.id].cancelling():
                        self._busy[thread.id].cancel()  # once: a second time would cut its cleaning up
                case CallModel() | Compact() | RunTools() | Evaluate():
                    self._start(thread, step)
                case Compute(run):
                    self._begin_computing(run)
                case _:
                    await self._do(thread, step)
                    return True
        return False

    async def _do(self, thread: Thread, step: Step) -> None:
        match step:
            case GoIdle():
                await self._go_idle(thread, step)
            case Record(items):
                self._record(items)
            case Drop(items):
                self._journal.write([], self._take(items))
            case Begin(before, after):
                self._begin(thread, before, after)
            case AskAgain(items, stop):
                self._record(items)
                self._journal.write(stops(self._state, [Leaving(thread, stop)], now_us()))
            case Absorb(item):
                leaving = [Leaving(thread, END_TURN)]
                self._journal.write([*starts(self._state, thread), *stops(self._state, leaving, now_us())])
                self._record([item])
            case Interrupt():
                self._interrupt(step)
            case CloseRequest(request):
                end = draft.request_end(request, draft.ModelUsage(), is_error=True, private={})
                self._journal.write([owned(thread, end)])
            case Resume():
                self._journal.write(starts(self._state, thread))
            case _:
                self._wind_up(step)

    def _wind_up(self, step: Step) -> None:
        """Of workflow runs that are over, and of the session when nothing is left to do."""
        match step:
            case EndRun(run):
                self._journal.write(ended_with_error(run, "timeout_error", _LATE))
            case Abandon(end, archived):
                self._end([end], [], ending.archived(self._state, end.thread) if archived else [])
            case Settle():
                self._journal.write(stops(self._state, [], now_us()))
            case _:
                raise AssertionError(step)

    def _start(self, thread: Thread, step: LongStep) -> None:
        self._launch(thread.id, self._work(thread).perform(step))

    def _launch(self, of: str, work: Coroutine[Any, Any, Failure | Computed | None]) -> None:
        """Begin what takes its time, of a thread or of a workflow run."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._news.set())
        self._busy[of] = task

    def _work(self, thread: Thread) -> ThreadWork:
        found = self._works.get(thread.id)
        if found is None:
            found = self._works[thread.id] = ThreadWork(
                self._parts, self._claim, self._state, thread, self._journal, self._computer, self._news.set
            )
        return found

    async def _something(self, due: int | None) -> None:
        """Until a step is done, somebody has sent something, or it is time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0, due - now_us()) / 1e6):
                await self._news.wait()
        self._news.clear()

    async def _finish(self) -> None:
        """Take in what the steps that are done came to."""
        for thread_id, task in list(self._busy.items()):
            if not task.done():
                continue
            del self._busy[thread_id]
            found = None if task.cancelled() else task.result()
            if isinstance(found, Computed):
                self._carry_on(self._state.runs[thread_id], found)
            elif found is not None:
                await self._after(self._state.thread(thread_id), found)

    def _begin_computing(self, run: WorkflowRun) -> None:
        known = len(run.outcomes)

        async def compute() -> Computed:
            found = await self._planning.compute(run)
            self._state.computed[run.id] = known
            return found

        self._launch(run.id, compute())

    def _carry_on(self, run: WorkflowRun, computed: Computed) -> None:
        """What the plan has come to; nothing if the run was stopped meanwhile."""
        if not run.is_open:
            return
        for moment in computed.moments:
            told = workflow_events.phase(run, moment)
            if told is not None:
                self._journal.write([told], hold=True)
        self._journal.write(self._planning.carried_on(run, computed))

    async def _stop(self) -> None:
        """Cut what is under way, and let its cleaning up end."""
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        self._busy.clear()
        for work in self._works.values():
            work.close()

    def _compact_at(self, thread: Thread) -> int:
        window = self._parts.models.context_window(thread.model["id"])
        return int(window * self._parts.settings.compact_fraction)

    async def _read_inbox(self) -> None:
        while self._mail:
            await self._journal.flush()  # what is taken already is not to be seen again
            self._mail = False
            self._inbox, self._inbox_end = await self._parts.log.inbox(self._claim.session_id, self._claim.fence)
            self._take([])

    async def _after(self, thread: Thread, failure: Failure) -> None:
        """The model gave no answer: again after a while, or the end of the turn."""
        await self._journal.flush()
        drafts = [owned(thread, each) for each in failure.drafts]
        attempt = thread.attempt + 1
        if failure.transient and attempt <= self._parts.settings.max_retries:
            due = now_us() + int(self._backoff(attempt, failure.retry_after) * 1_000_000)
            told = [] if thread.is_advisor else [draft.error(failure.kind, failure.message, "retrying")]
            self._journal.write([*drafts, *told, *backs_off(self._state, thread, attempt=attempt, due_at=due)])
            return
        if thread.is_advisor:  # its failure is told to the model alone, by the end of its thread
            _log.warning("session %s: the advisor failed: %s", self._claim.session_id, failure.message)
            self._journal.write(drafts, hold=True)
            self._journal.write(stops(self._state, [Leaving(thread, END_TURN)], now_us()))
            return
        self._journal.write([*drafts, draft.error(failure.kind, failure.message, "exhausted")], hold=True)
        self._journal.write(outcome_ends.given_up(self._state, thread, failure.message), hold=True)
        await self._give_up(thread, f"The agent could not go on: {failure.message}")

    async def _give_up(self, thread: Thread, problem: str) -> None:
        """The turn is dead: what is queued goes into the log unanswered, and the thread waits for a new message."""
        self._inbox, self._inbox_end = await self._parts.log.inbox(self._claim.session_id)
        self._record([item for item in self._inbox if reader(self._state, item) is thread])
        self._journal.write(ending.reports(self._state, thread, RETRIES_EXHAUSTED, problem), hold=True)
        leaving = [ending.leaving(thread, RETRIES_EXHAUSTED, problem=problem)]
        self._journal.write(stops(self._state, leaving, now_us()))

    def _backoff(self, attempt: int, retry_after: float | None) -> float:
        settings = self._parts.settings
        grown = min(settings.backoff_cap, settings.backoff_base * 2 ** (attempt - 1))
        return max(grown, min(retry_after or 0, settings.retry_after_cap))

    def _begin(self, thread: Thread, before: list[InboxItem], after: list[InboxItem]) -> None:
        drafts = [self._drafted(item) for item in before]
        drafts += [*starts(self._state, thread), *(self._drafted(item) for item in after)]
        taken = self._take([*before, *after])
        self._journal.write(drafts, taken)

    def _record(self, items: list[InboxItem]) -> None:
        drafts = [self._drafted(item) for item in items]
        self._journal.write(drafts, self._take(items))
        self._end_outcome(items)

    def _end_outcome(self, items: list[InboxItem]) -> None:
        outcome = self._state.outcome
        if outcome is not None and outcome_ends.is_interrupted(self._state, items):
            self._journal.write([self._work(self._state.primary).grader.interrupted(outcome)], hold=True)

    def _drafted(self, item: InboxItem) -> draft.Draft:
        thread = reader(self._state, item)
        return draft.from_inbox(item, None if thread.parent is None else thread.id)

    def _take(self, items: list[InboxItem]) -> list[int]:
        taken = {item.seq for item in items}
        self._causes += [item.trace for item in items if item.trace is not None]
        self._inbox = [item for item in self._inbox if item.seq not in taken]
        self._journal.seen = self._inbox[0].seq - 1 if self._inbox else self._inbox_end
        return sorted(taken)

    def _interrupt(self, step: Interrupt) -> None:
        for run in step.runs:
            self._journal.write(stopped(run, wakes=False), hold=True)
        is_targeted = step.items[-1].body.get("session_thread_id") is not None
        told = ending.interrupted(self._state, step.ends[0].thread) if is_targeted else []
        self._end(step.ends, step.items, told)

    def _end(self, ends: list[End], items: list[InboxItem], told: Sequence[draft.Draft]) -> None:
        """The turns of these threads; `items` end with the interrupt that ends them, if it was one.

        `told`: to who delegated them.
        """
        drafts: list[draft.Draft] = []
        for end in ends:
            if end.request is not None:
                drafts.append(owned(end.thread, self._work(end.thread).cut(end.request)))
        drafts += [self._drafted(item) for item in items[:-1]]
        drafts += [ending.abandoned(end.thread, call) for end in ends for call in end.abandoned]
        drafts += [self._drafted(item) for item in items[-1:]]
        taken = self._take(items)
        leaving = [ending.cut(end.thread) for end in ends]
        drafts += told
        self._journal.write(drafts, taken, hold=True)
        self._end_outcome(items)
        self._journal.write(stops(self._state, leaving, now_us()))

    async def _go_idle(self, thread: Thread, step: GoIdle) -> None:
        leaving = [ending.leaving(thread, step.stop, step.details)]
        told = ending.reports(self._state, thread, step.stop)
        if told or not ends_session(self._state, leaving):
            self._work(thread).begins = True
            self._journal.write(told, hold=True)
            self._journal.write(stops(self._state, leaving, now_us()))
            return
        if self._computer.gathering:
            self._start(thread, step)
            return
        if self._mail:  # it changes what is to be done
            return
        self._journal.seen = self._inbox_end
        self._work(thread).begins = True
        turn = turn_of(self._claim.session_id, self._state)
        if not await self._journal.close(stops(self._state, leaving, now_us())):
            self._mail = True
            return
        causes, self._causes = self._causes, []
        self._parts.observer.turn(turn, Span(turn.began, now_us()), step.stop["type"], causes)


def _folded(claim: Claim, rows: list[Row]) -> SessionState:
    try:
        return fold(claim.agent, claim.thread_id, rows, claim.budget)
    except Exception as error:
        raise DamagedLog(f"it does not add up: {type(error).__name__}: {error}") from error
