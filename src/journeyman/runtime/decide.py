"""The next step of a session. Pure and total: no clock, no I/O, an answer for every state."""

from collections.abc import Sequence

from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import (
    BUDGET_REACHED,
    END_TURN,
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
    Wait,
    requires_action,
)
from journeyman.runtime.thread import Thread
from journeyman.store.port import InboxItem

_ANSWERS = ("user.tool_confirmation", "user.custom_tool_result")


def decide(state: SessionState, inbox: Sequence[InboxItem], now: int, *, compact_at: int) -> Step | None:
    """What to do next, None when the session waits for its client.

    `now` is in µs, `compact_at` in tokens: a context at or above it is compacted before the model is asked.
    """
    if state.status == "terminated":
        return None
    if state.status == "idle":
        return _when_idle(state, inbox, now)
    interrupt = _interrupt(state.primary, inbox)
    if interrupt is not None:
        return interrupt
    if state.primary.request is not None:
        return CloseRequest(state.primary.request)
    if state.status == "rescheduling":
        return _when_rescheduling(state.primary, now)
    return _when_running(state, inbox, now, compact_at)


def _when_rescheduling(thread: Thread, now: int) -> Step:
    due = thread.due_at or 0
    return Resume() if now >= due else Wait(due)


def _when_running(state: SessionState, inbox: Sequence[InboxItem], now: int, compact_at: int) -> Step:
    thread = state.primary
    if thread.ready:
        return RunTools(thread.ready)
    takeable = [item for item in inbox if not thread.calls or item.type != "user.message"]
    if takeable:
        return Record(takeable)
    if thread.waiting:
        return GoIdle(requires_action(thread.waiting))
    if thread.pending:
        return GoIdle(BUDGET_REACHED) if state.is_spent(now) else _next_request(thread, compact_at)
    if thread.answer.get("stop_reason") == "refusal":
        return GoIdle({"type": "refusal"}, thread.answer.get("stop_details"))
    return GoIdle(END_TURN)


def _next_request(thread: Thread, compact_at: int) -> Step:
    return Compact() if thread.context_tokens >= compact_at and len(thread.history) > 1 else CallModel()


def _when_idle(state: SessionState, inbox: Sequence[InboxItem], now: int) -> Step | None:
    thread = state.primary
    if thread.paused:
        return _when_paused(state, inbox, now)
    if not inbox:
        return None
    if thread.waiting:
        return _interrupt(thread, inbox) or _when_waiting(thread, inbox)
    first = inbox[0]
    if first.type == "user.custom_tool_result":
        return Absorb(first)
    if first.type != "user.message":
        return Record([first])
    turn = list(inbox)
    for place, item in enumerate(inbox):
        if item.type == "user.interrupt":
            turn = turn[:place]
            break
    return Begin([], turn)


def _when_paused(state: SessionState, inbox: Sequence[InboxItem], now: int) -> Step | None:
    """At its budget: it goes on when that has changed, and until then nothing starts."""
    if inbox:
        first = inbox[0]
        return Drop([first]) if first.type == "user.interrupt" else Record([first])
    return None if state.is_spent(now) else Begin([], [])


def _when_waiting(thread: Thread, inbox: Sequence[InboxItem]) -> Step | None:
    """Idle with calls that wait for the client: messages are held until every one is answered."""
    takeable = [item for item in inbox if item.type != "user.message"]
    if not takeable:
        return None
    waiting = {call.id for call in thread.waiting}
    answered = {_target(item) for item in takeable} & waiting
    if not answered:
        return Record(takeable)
    remaining = [call for call in thread.waiting if call.id not in answered]
    if remaining:
        return AskAgain(takeable, requires_action(remaining))
    return Begin(takeable, [])


def _interrupt(thread: Thread, inbox: Sequence[InboxItem]) -> Interrupt | None:
    for place, item in enumerate(inbox):
        if item.type == "user.interrupt":
            items = list(inbox[: place + 1])
            answered = {_target(each) for each in items if each.type == "user.custom_tool_result"}
            open_calls = [call for call in thread.calls.values() if call.result is None]
            return Interrupt(items, thread.request, [call for call in open_calls if call.id not in answered])
    return None


def _target(item: InboxItem) -> str | None:
    if item.type not in _ANSWERS:
        return None
    target = item.body.get("tool_use_id") or item.body.get("custom_tool_use_id")
    return target if isinstance(target, str) else None
