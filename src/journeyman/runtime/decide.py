"""The next steps of a session, at most one a thread. Pure and total: no clock, no I/O, an answer for every state."""

from collections.abc import Callable, Sequence, Set

from journeyman.runtime.mail import ARCHIVED, asks_to_end, mail_for, target
from journeyman.runtime.running import is_orphan, steps_of_runs
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import (
    BUDGET_REACHED,
    END_TURN,
    Abandon,
    Absorb,
    AskAgain,
    Begin,
    CallModel,
    CloseRequest,
    Compact,
    Cut,
    Drop,
    End,
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
    requires_action,
)
from journeyman.runtime.thread import Call, Thread
from journeyman.runtime.waiting import is_over, obstacles, waits_for_computing
from journeyman.store.port import InboxItem

_TASKS = ("user.message", "user.define_outcome")
"""What gives the agent something to do: held while calls are open."""
_NOBODY: frozenset[str] = frozenset()
_A_DAY = 86_400_000_000


def decide(
    state: SessionState,
    inbox: Sequence[InboxItem],
    now: int,
    *,
    compact_at: Callable[[Thread], int],
    busy: Set[str] = _NOBODY,
    run_limit: int = _A_DAY,
) -> list[Move]:
    """What to do next, nothing when the session waits for its client.

    `now` is in µs, `compact_at` in tokens: a context at or above it is compacted before the model is asked. `busy` are
    the threads and workflow runs with a step under way, by their ids: it can only be cut. `run_limit` (µs) is how long
    a workflow run may take.
    """
    if state.status == "terminated":
        return []
    end = _end_of_all(state, inbox, busy)
    if end is not None:
        return end
    moves = [Move(state.primary, step) for step in steps_of_runs(state, now, busy, run_limit)]
    for thread in state.threads:
        mail = mail_for(state, thread, inbox)
        if thread.id in busy:
            is_cut = is_orphan(state, thread) or any(asks_to_end(item, thread) for item in mail)
            step = Cut() if is_cut else None
        elif is_orphan(state, thread):
            step = Abandon(_end(thread, []))
        else:
            step = _next(state, thread, mail, now, compact_at)
        if step is not None:
            moves.append(Move(thread, step))
    is_told = state.status == "idle" or bool(busy) or any(thread.works for thread in state.threads)
    return moves if is_told or any(not isinstance(step, Wait) for _, step in moves) else [Move(state.primary, Settle())]


def _end_of_all(state: SessionState, inbox: Sequence[InboxItem], busy: Set[str]) -> list[Move] | None:
    """For an interrupt of the whole session; None when there is none, or nothing for it to end."""
    place = next((place for place, item in enumerate(inbox) if asks_to_end(item, None)), None)
    active = [thread for thread in state.threads if thread.id in busy or _has_turn(thread)]
    if place is None or not (active or state.open_runs):
        return None
    if cut := [Move(thread, Cut()) for thread in active if thread.id in busy]:
        return cut
    items = list(inbox[: place + 1])
    ends = [_end(thread, items) for thread in reversed(active)]
    return [Move(state.primary, Interrupt(items, ends, state.open_runs))]


def _has_turn(thread: Thread) -> bool:
    """There is a turn that an interrupt can end."""
    return thread.status in ("running", "rescheduling") or thread.works or (bool(thread.calls) and not thread.paused)


def _end(thread: Thread, items: Sequence[InboxItem]) -> End:
    answered = {target(each) for each in items if each.type == "user.custom_tool_result"}
    open_calls = [call for call in thread.open_calls if call.kind != "advisor" and call.id not in answered]
    return End(thread, thread.request, open_calls)


def _next(
    state: SessionState, thread: Thread, mail: Sequence[InboxItem], now: int, compact_at: Callable[[Thread], int]
) -> Step | None:
    if thread.status == "terminated":
        return _when_over(mail) if mail else None
    if thread.status == "idle":
        return _when_idle(state, thread, mail, now)
    interrupt = _interrupt(thread, mail)
    if interrupt is not None:
        return interrupt
    if thread.request is not None:
        return CloseRequest(thread.request)
    if thread.status == "rescheduling":
        return _when_rescheduling(thread, now)
    return _when_running(state, thread, mail, now, compact_at)


def _when_over(mail: Sequence[InboxItem]) -> Step:
    """It ended before this came: an interrupt of it has no effect, and its end was told."""
    first = mail[0]
    return Drop([first]) if first.type == ARCHIVED else Record([first])


def _when_rescheduling(thread: Thread, now: int) -> Step:
    due = thread.due_at or 0
    return Resume() if now >= due else Wait(due)


def _when_running(
    state: SessionState, thread: Thread, mail: Sequence[InboxItem], now: int, compact_at: Callable[[Thread], int]
) -> Step | None:
    ready = [call for call in thread.calls.values() if _is_ready(state, call, mail)]
    if ready:
        return RunTools(ready)
    grading = state.is_evaluating(thread)
    takeable = [item for item in mail if not (thread.calls or grading) or item.type not in _TASKS]
    if takeable:
        return Record(takeable)
    if thread.calls:
        return _when_calls_are_open(state, thread)
    if thread.pending and not grading:
        return GoIdle(BUDGET_REACHED) if state.is_spent(now) else _next_request(thread, compact_at)
    return _end_of_turn(state, thread, now)


def _end_of_turn(state: SessionState, thread: Thread, now: int) -> Step:
    if thread.answer.get("stop_reason") == "refusal":
        return GoIdle({"type": "refusal"}, thread.answer.get("stop_details"))
    if _is_to_be_graded(state, thread):
        return GoIdle(BUDGET_REACHED) if state.is_spent(now) else Evaluate()
    return GoIdle(END_TURN)


def _is_to_be_graded(state: SessionState, thread: Thread) -> bool:
    """The work towards an outcome is done, as far as the agents go: nobody else is at it."""
    is_done = state.outcome is not None and thread is state.primary
    return is_done and not state.open_runs and all(each.rests for each in state.children.values())


def _is_ready(state: SessionState, call: Call, mail: Sequence[InboxItem]) -> bool:
    if not call.ready or call.kind == "advisor":
        return False
    return is_over(state, call) or any(item.type in _TASKS for item in mail)


def _when_calls_are_open(state: SessionState, thread: Thread) -> Step | None:
    """They wait for the client, or for other threads: when none of those can go on by itself, neither can this one."""
    if thread.waiting:
        return GoIdle(requires_action(thread.waiting))
    waited_for = obstacles(state, thread)
    if waits_for_computing(state, thread) or any(each.works for each in waited_for):
        return None
    asked = [call for each in waited_for for call in each.waiting]
    return GoIdle(requires_action(asked) if asked else BUDGET_REACHED)


def _next_request(thread: Thread, compact_at: Callable[[Thread], int]) -> Step:
    return Compact() if thread.context_tokens >= compact_at(thread) and len(thread.history) > 1 else CallModel()


def _when_idle(state: SessionState, thread: Thread, mail: Sequence[InboxItem], now: int) -> Step | None:
    if not thread.rests and any(item.type == ARCHIVED for item in mail):
        return Abandon(_end(thread, []), archived=True)
    if thread.paused:
        return _when_paused(state, mail, now)
    if thread.calls:
        return _interrupt(thread, mail) or (_when_waiting if thread.waiting else _when_parked)(state, thread, mail)
    if not mail:
        return Begin([], []) if thread.pending or _is_ungraded(state, thread) else None
    return _when_resting(mail)


def _is_ungraded(state: SessionState, thread: Thread) -> bool:
    """It had ended its turn before the other agents were done."""
    return thread.stop == END_TURN and _is_to_be_graded(state, thread)


def _when_resting(mail: Sequence[InboxItem]) -> Step:
    first = mail[0]
    if first.type == "user.custom_tool_result":
        return Absorb(first)
    if first.type not in _TASKS:
        return Record([first])
    turn = list(mail)
    for place, item in enumerate(mail):
        if item.type == "user.interrupt":
            turn = turn[:place]
            break
    if first.type == "user.define_outcome":  # it was processed on receipt
        return Begin(turn[:1], turn[1:])
    return Begin([], turn)


def _when_paused(state: SessionState, mail: Sequence[InboxItem], now: int) -> Step | None:
    """At its budget: it goes on when that has changed, and until then nothing starts."""
    if mail:
        first = mail[0]
        return Drop([first]) if first.type == "user.interrupt" else Record([first])
    return None if state.is_spent(now) else Begin([], [])


def _when_parked(state: SessionState, thread: Thread, mail: Sequence[InboxItem]) -> Step | None:
    """Idle because the threads it waits for are: it goes on when those are done, or when somebody speaks to it."""
    if any(_is_ready(state, call, mail) for call in thread.calls.values()):
        return Begin([], [])
    takeable = [item for item in mail if item.type not in _TASKS]
    return Record(takeable) if takeable else None


def _when_waiting(_state: SessionState, thread: Thread, mail: Sequence[InboxItem]) -> Step | None:
    """Idle with calls that wait for the client: messages are held until every one is answered."""
    takeable = [item for item in mail if item.type not in _TASKS]
    if not takeable:
        return None
    waiting = {call.id for call in thread.waiting}
    answered = {target(item) for item in takeable} & waiting
    if not answered:
        return Record(takeable)
    remaining = [call for call in thread.waiting if call.id not in answered]
    if remaining:
        return AskAgain(takeable, requires_action(remaining))
    return Begin(takeable, [])


def _interrupt(thread: Thread, mail: Sequence[InboxItem]) -> Interrupt | None:
    for place, item in enumerate(mail):
        if item.type == "user.interrupt":
            items = list(mail[: place + 1])
            return Interrupt(items, [_end(thread, items)])
    return None
