"""How a session stands, folded over its threads: the events that say so when one of them starts or stops.

A session is running while any thread is; running is told of the session first, idle of the threads first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from journeyman.runtime import draft
from journeyman.runtime.draft import Draft
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import BUDGET_REACHED, END_TURN, StopReason
from journeyman.runtime.thread import Thread
from journeyman.runtime.usage import render_usage
from journeyman.runtime.waiting import goes_on

JsonObject = dict[str, Any]


class Leaving(NamedTuple):
    """A thread that stops, and why."""

    thread: Thread
    stop: StopReason
    details: JsonObject | None = None


def starts(state: SessionState, thread: Thread) -> list[Draft]:
    told = draft.thread_running(thread.name, thread.id)
    return [told] if state.status == "running" else [draft.session_running(), told]


def backs_off(state: SessionState, thread: Thread, *, attempt: int, due_at: int) -> list[Draft]:
    """It waits before it asks again; so does the session, unless other threads are at work."""
    told = draft.thread_rescheduled(thread.name, thread.id, attempt=attempt, due_at=due_at)
    if any(each.works and each.status != "rescheduling" for each in state.threads if each is not thread):
        return [told]
    return [Draft("session.status_rescheduled", {}, session=True), told]


def stops(state: SessionState, leaving: Sequence[Leaving], now: int) -> list[Draft]:
    """Threads, then, if it was the last of them, usage and session. An advisor's thread ends with its consultation."""
    drafts: list[Draft] = []
    for thread, stop, details in leaving:
        drafts.append(draft.thread_idle(thread.name, thread.id, stop, details))
        if thread.is_advisor and stop != BUDGET_REACHED:
            drafts.append(draft.thread_terminated(thread.name, thread.id))
    others = others_than(state, leaving)
    if any(each.status != "rescheduling" for each in _going_on(state, leaving)):
        paused = any(stop == BUDGET_REACHED for _, stop, _ in leaving)
        return [*drafts, _usage(state, now)] if paused else drafts
    if any(each.status == "rescheduling" for each in others):
        is_told = state.status == "rescheduling"
        return drafts if is_told else [*drafts, Draft("session.status_rescheduled", {}, session=True)]
    stop, details = _of_session(state, leaving, now)
    return [*drafts, _usage(state, now), draft.session_idle(stop, details)]


def ends_session(state: SessionState, leaving: Sequence[Leaving]) -> bool:
    """Whether the session goes idle with these threads."""
    return not _going_on(state, leaving)


def others_than(state: SessionState, leaving: Sequence[Leaving]) -> list[Thread]:
    gone = {each.thread.id for each in leaving}
    return [thread for thread in state.threads if thread.id not in gone]


def _going_on(state: SessionState, leaving: Sequence[Leaving]) -> list[Thread]:
    """The threads that are at work, or are about to be because of what these leave behind."""
    resting = {each.thread.id for each in leaving if each.stop["type"] not in ("requires_action", "budget_reached")}
    return [each for each in others_than(state, leaving) if goes_on(state, each, resting)]


def _of_session(state: SessionState, leaving: Sequence[Leaving], now: int) -> tuple[StopReason, JsonObject | None]:
    """A pending action outranks a reached budget, and that the primary thread's own reason."""
    asked = [call_id for each in leaving for call_id in each.stop.get("event_ids", [])]
    asked += [call.id for each in others_than(state, leaving) for call in each.waiting]
    if asked:
        return {"type": "requires_action", "event_ids": list(dict.fromkeys(asked))}, None
    stop, details = next(
        ((stop, details) for thread, stop, details in leaving if thread is state.primary),
        (state.primary.stop or END_TURN, None),
    )
    is_paused = any(each.paused for each in others_than(state, leaving)) or any(
        each.stop == BUDGET_REACHED for each in leaving
    )
    if is_paused or (stop == END_TURN and state.is_spent(now)):
        return BUDGET_REACHED, None
    return stop, details


def _usage(state: SessionState, now: int) -> Draft:
    since = state.running_since
    active = state.active_us + (now - since if since is not None else 0)
    return draft.session_usage(render_usage(state.usage.stored(), active), state.budget)
