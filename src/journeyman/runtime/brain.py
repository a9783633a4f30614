"""A brain: does for one session what was decided, until there is nothing to do.

Recovery is not a feature: a brain that starts on another's log decides from the same rows.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

from journeyman.engine.port import Always, Lease, Superseded
from journeyman.models.port import Models
from journeyman.runtime import draft
from journeyman.runtime.belongings import Belongings
from journeyman.runtime.carrying import Carrier
from journeyman.runtime.computer import Computer
from journeyman.runtime.damage import give_up
from journeyman.runtime.decide import decide
from journeyman.runtime.hub import Hub
from journeyman.runtime.journal import Journal
from journeyman.runtime.session import SessionState, fold, turn_of
from journeyman.runtime.settings import RuntimeSettings
from journeyman.runtime.slots import Slots
from journeyman.runtime.steps import (
    BUDGET_REACHED,
    END_TURN,
    RETRIES_EXHAUSTED,
    Absorb,
    AskAgain,
    Begin,
    CallModel,
    CloseRequest,
    Compact,
    Drop,
    GoIdle,
    Interrupt,
    Record,
    Resume,
    RunTools,
    Step,
    StopReason,
    Wait,
)
from journeyman.runtime.thread import Call
from journeyman.runtime.toolwork import ToolWork
from journeyman.runtime.turn import Failure, ModelTurn
from journeyman.runtime.usage import render_usage
from journeyman.sandboxes.port import SandboxError, Sandboxes, StaleRun
from journeyman.store.port import Claim, DamagedLog, InboxItem, LostOwnership, Row, SessionLog
from journeyman.telemetry.logs import bind
from journeyman.telemetry.port import Nobody, Observer, Span
from journeyman.tools.mcp.servers import McpRun, McpServers
from journeyman.tools.port import text_result
from journeyman.tools.registry import Toolset
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_ABANDONED = (
    "The user interrupted the agent before this call finished. It may have had effects; check before repeating it."
)
_NEVER_RUN = "The user interrupted the agent before this call was approved or answered. It was not run."


@dataclass(frozen=True, slots=True)
class Parts:
    """What every brain of a process shares."""

    log: SessionLog
    hub: Hub
    models: Models
    toolset: Toolset
    sandboxes: Sandboxes
    settings: RuntimeSettings
    unpriced: set[str] = field(default_factory=set[str])
    """Models that cost nothing because their price is not known; each is said once."""
    lease: Lease = field(default_factory=Always)
    observer: Observer = field(default_factory=Nobody)
    belongings: Belongings = field(default_factory=Belongings)
    mcp: McpServers | None = None
    carrier: Carrier | None = None
    requests: Slots = field(default_factory=Slots)
    """For model requests."""
    runs: Slots = field(default_factory=Slots)
    """For tool runs."""


class Brain:
    """The owner of one session in this process. Made by `wake_up`; `run` it whenever the session is woken."""

    def __init__(self, parts: Parts, claim: Claim, state: SessionState) -> None:
        self._parts = parts
        self._claim = claim
        self._state = state
        self._journal = Journal(parts.log, parts.hub, claim, state, parts.lease, parts.observer)
        self._computer = Computer(parts.sandboxes, parts.log, claim, state, parts.carrier, parts.belongings)
        self._mcp = McpRun(parts.mcp, claim.vault_ids)
        self._tools = ToolWork(
            parts.sandboxes, self._computer, parts.toolset, claim, state, self._journal, parts.runs, parts.observer,
            self._mcp,
        )  # fmt: skip
        self._model = ModelTurn(
            parts.models, parts.toolset, parts.hub, claim, state, self._journal, self._tools.announced, parts.unpriced,
            parts.observer, parts.belongings.sources, self._mcp, self._computer.notes, self._computer.skills,
        )  # fmt: skip
        self._inbox: list[InboxItem] = []
        self._inbox_end = claim.seen_seq
        self._mail = True
        self._begins = True
        self._causes: list[str] = []
        self._step: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()

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
        """There is something in the inbox. Cuts the step under way when it is an interrupt."""
        self._mail = True
        if self._step is not None:
            look = asyncio.create_task(self._watch(self._step))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def run(self) -> int | None:
        """Work until there is nothing to do; the time (µs) to be woken at, if any. Raises Superseded."""
        try:
            return await self._run()
        except (LostOwnership, StaleRun) as error:
            raise Superseded(self._claim.session_id) from error
        finally:
            self._mcp.close()

    async def _run(self) -> int | None:
        bind(session_id=self._claim.session_id, workspace_id=self._claim.workspace_id)
        self._computer.warm()
        while True:
            await self._read_inbox()
            step = decide(self._state, self._inbox, now_us(), compact_at=self._compact_at())
            if step is None:
                await self._journal.rest(self._inbox_end)
                if not self._mail:
                    return None
            elif isinstance(step, Wait):
                await self._journal.rest(self._journal.seen)
                return step.until
            else:
                await self._do(step)

    def _compact_at(self) -> int:
        window = self._parts.models.context_window(self._state.agent["model"]["id"])
        return int(window * self._parts.settings.compact_fraction)

    async def _read_inbox(self) -> None:
        while self._mail:
            await self._journal.flush()
            self._mail = False
            self._inbox, self._inbox_end = await self._parts.log.inbox(self._claim.session_id, self._claim.fence)
            self._take([])

    async def _watch(self, step: asyncio.Task[None]) -> None:
        """Something came while a step is under way: cut it when that is an interrupt."""
        with contextlib.suppress(Exception):  # whoever runs the step meets it too
            await self._journal.flush()  # what is taken already is not to be seen again
        try:
            items, _ = await self._parts.log.inbox(self._claim.session_id, self._claim.fence)
        except Exception:
            return
        if any(item.type == "user.interrupt" for item in items) and not step.cancelling():
            step.cancel()  # once: a second time would cut its cleaning up

    async def _do(self, step: Step) -> None:
        match step:
            case CallModel() | Compact() | RunTools():
                await self._work(step)
            case GoIdle():
                await self._go_idle(step)
            case Record(items):
                self._record(items)
            case Drop(items):
                self._journal.write([], self._take(items))
            case Begin(before, after):
                self._begin(before, after)
            case AskAgain(items, stop):
                self._record(items)
                self._journal.write(self._idle(stop))
            case Absorb(item):
                self._journal.write([*self._running(), *self._idle(END_TURN)])
                self._record([item])
            case Interrupt():
                self._interrupt(step)
            case CloseRequest(request):
                self._journal.write([draft.request_end(request, draft.ModelUsage(), is_error=True, private={})])
            case Resume():
                self._journal.write(self._running())
            case Wait():
                pass

    async def _work(self, step: CallModel | Compact | RunTools | GoIdle) -> None:
        """A step that takes its time: it can be interrupted."""
        self._step = asyncio.create_task(self._perform(step))
        try:
            await self._step
        except asyncio.CancelledError:
            if not self._step.cancelled() or _being_cancelled():
                self._step.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await self._step
                raise
            self._mail = True
        finally:
            self._step = None

    async def _perform(self, step: CallModel | Compact | RunTools | GoIdle) -> None:
        match step:
            case RunTools(calls):
                if any(call.kind == "mcp" for call in calls):
                    await self._connect()
                await self._tools.run(calls)
            case CallModel():
                obstacle = await self._computer.obstacle()
                await self._connect()
                await self._warn()
                await self._fetch()
                await self._after(Failure([], "unknown_error", obstacle) if obstacle else await self._ask(step))
            case Compact():
                await self._connect()
                await self._after(await self._ask(step))
            case GoIdle():
                await self._computer.gathered()

    async def _connect(self) -> None:
        """Once a run: to the agent's MCP servers. The run goes on without those that fail."""
        for each in await self._mcp.connect(self._state.agent, self._state.turn_began):
            failed = draft.error(each.kind, each.message, "exhausted", mcp_server_name=each.server)
            self._journal.write([failed])

    async def _warn(self) -> None:
        """Say once which credentials cannot be used as they are meant."""
        if not self._claim.vault_ids:
            return
        try:
            found = await self._computer.unreachable()
        except SandboxError:
            return  # the first call of a tool says so
        for each in found:
            if each.credential_id not in self._state.warned:
                place = {"credential_id": each.credential_id, "vault_id": each.vault_id}
                warning = draft.error("credential_host_unreachable_error", each.message, "exhausted", **place)
                self._journal.write([warning])

    async def _fetch(self) -> None:
        """Once a turn: the repositories that the session does not have yet."""
        if not self._begins:
            return
        for each in await self._computer.missing():
            kind = f"repository_{each.kind}_error"
            self._journal.write([draft.error(kind, each.message, "retrying", repository_url=each.url)])

    async def _ask(self, step: CallModel | Compact) -> Failure | None:
        claim, begins = self._claim, self._begins
        async with self._parts.requests.taken(claim.workspace_id, claim.session_id, begins=begins):
            self._begins = False
            await self._journal.own()
            match step:
                case CallModel():
                    return await self._model.ask()
                case Compact():
                    return await self._model.compact(self._parts.settings.max_compactions)

    async def _after(self, failure: Failure | None) -> None:
        if failure is None:
            return
        await self._journal.flush()
        attempt = self._state.primary.attempt + 1
        if failure.transient and attempt <= self._parts.settings.max_retries:
            due = now_us() + int(self._backoff(attempt, failure.retry_after) * 1_000_000)
            twin = draft.rescheduled(self._name, self._thread_id, attempt=attempt, due_at=due)
            self._journal.write([*failure.drafts, draft.error(failure.kind, failure.message, "retrying"), *twin])
            return
        self._journal.write([*failure.drafts, draft.error(failure.kind, failure.message, "exhausted")], hold=True)
        await self._give_up()

    async def _give_up(self) -> None:
        """The turn is dead: what is queued goes into the log unanswered, and the session waits for a new message."""
        self._inbox, self._inbox_end = await self._parts.log.inbox(self._claim.session_id)
        self._record(self._inbox)
        self._journal.write(self._idle(RETRIES_EXHAUSTED))

    def _backoff(self, attempt: int, retry_after: float | None) -> float:
        settings = self._parts.settings
        grown = min(settings.backoff_cap, settings.backoff_base * 2 ** (attempt - 1))
        return max(grown, min(retry_after or 0, settings.retry_after_cap))

    def _begin(self, before: list[InboxItem], after: list[InboxItem]) -> None:
        drafts = [draft.from_inbox(item) for item in before]
        drafts += [*self._running(), *(draft.from_inbox(item) for item in after)]
        taken = self._take([*before, *after])
        self._journal.write(drafts, taken)

    def _record(self, items: list[InboxItem]) -> None:
        taken = self._take(items)
        self._journal.write([draft.from_inbox(item) for item in items], taken)

    def _take(self, items: list[InboxItem]) -> list[int]:
        taken = {item.seq for item in items}
        self._causes += [item.trace for item in items if item.trace is not None]
        self._inbox = [item for item in self._inbox if item.seq not in taken]
        self._journal.seen = self._inbox[0].seq - 1 if self._inbox else self._inbox_end
        return sorted(taken)

    def _interrupt(self, step: Interrupt) -> None:
        drafts: list[draft.Draft] = []
        if step.request is not None:
            drafts.append(self._model.cut(step.request))
        drafts += [draft.from_inbox(item) for item in step.items[:-1]]
        drafts += [_abandoned(call) for call in step.abandoned]
        drafts.append(draft.from_inbox(step.items[-1]))
        taken = self._take(step.items)
        self._journal.write([*drafts, *self._idle(END_TURN)], taken)

    async def _go_idle(self, step: GoIdle) -> None:
        if self._computer.gathering:
            await self._work(step)
        if self._mail:  # it changes what is to be done
            return
        self._journal.seen = self._inbox_end
        self._begins = True
        turn = turn_of(self._claim.session_id, self._state)
        if not await self._journal.close(self._idle(step.stop, step.details)):
            self._mail = True
            return
        causes, self._causes = self._causes, []
        self._parts.observer.turn(turn, Span(turn.began, now_us()), step.stop["type"], causes)

    def _running(self) -> list[draft.Draft]:
        return draft.running(self._name, self._thread_id)

    def _idle(self, stop: StopReason, details: JsonObject | None = None) -> list[draft.Draft]:
        state = self._state
        since = state.running_since
        active = state.active_us + (now_us() - since if since is not None else 0)
        usage = render_usage(state.primary.usage.stored(), active)
        of_session = BUDGET_REACHED if stop == END_TURN and state.is_spent(now_us()) else None
        return draft.idle(self._name, self._thread_id, stop, details, usage, state.budget, of_session)

    @property
    def _name(self) -> str:
        return self._state.agent["name"]

    @property
    def _thread_id(self) -> str:
        return self._claim.thread_id


def _abandoned(call: Call) -> draft.Draft:
    result = text_result(_NEVER_RUN if call.waiting or call.denied else _ABANDONED, is_error=True)
    if call.kind != "custom":
        return draft.result_of(call, result)
    fields = {"custom_tool_use_id": call.id, "content": result.content, "is_error": True, "session_thread_id": None}
    return draft.Draft("user.custom_tool_result", fields)


def _folded(claim: Claim, rows: list[Row]) -> SessionState:
    try:
        return fold(claim.agent, claim.thread_id, rows, claim.budget)
    except Exception as error:
        raise DamagedLog(f"it does not add up: {type(error).__name__}: {error}") from error


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
