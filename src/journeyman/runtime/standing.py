"""How a session stands, folded over its threads: the events that say so when one of them starts or stops.

A session is running while any thread is; running is told of the session first, idle of the threads first.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from journeyman.runtime import draft, running, workflow_events
from journeyman.runtime.draft import Draft
from journeyman.runtime.running import stuck
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import BUDGET_REACHED, END_TURN, StopReason, waits
from journeyman.runtime.thread import Thread
from journeyman.runtime.usage import render_usage
from journeyman.runtime.waiting import goes_on

JsonObject = dict[str, Any]


class Leaving(NamedTuple):
    """A thread that stops, and why."""

    thread: Thread
    stop: StopReason
    details: JsonObject | None = None
    outcome: JsonObject | None = None
    """What came of the call of a workflow's plan that it was."""


def starts(state: SessionState, thread: Thread) -> list[Draft]:
    told = [draft.thread_running(thread.name, thread.id)]
    run = state.runs.get(thread.run_id or "")
    if run is not None and run.status == "idle":
        told.insert(0, workflow_events.resumed(run.id))
    return told if state.status == "running" else [draft.session_running(), *told]


def backs_off(state: SessionState, thread: Thread, *, attempt: int, due_at: int) -> list[Draft]:
    """It waits before it asks again; so does the session, unless other threads are at work."""
    told = draft.thread_rescheduled(thread.name, thread.id, attempt=attempt, due_at=due_at)
    if any(each.works and each.status != "rescheduling" for each in state.threads if each is not thread):
        return [told]
    return [draft.session_rescheduled(), told]


def stops(state: SessionState, leaving: Sequence[Leaving], now: int) -> list[Draft]:
    """Threads, then, if it was the last of them, usage and session."""
    drafts = [told for each in leaving for told in _thread_stops(each)]
    waiting = [each.thread for each in leaving if waits(each.stop)]
    drafts += [workflow_events.idle(run.id) for run in stuck(state, waiting)]
    others = others_than(state, leaving)
    if _runs_go_on(state, leaving) or any(each.status != "rescheduling" for each in _going_on(state, leaving)):
        paused = any(each.stop == BUDGET_REACHED for each in leaving)
        return [*drafts, _usage(state, now)] if paused else drafts
    if any(each.status == "rescheduling" for each in others):
        is_told = state.status == "rescheduling"
        return drafts if is_told else [*drafts, draft.session_rescheduled()]
    stop, details = _of_session(state, leaving, now)
    return [*drafts, _usage(state, now), draft.session_idle(stop, details)]


def ends_session(state: SessionState, leaving: Sequence[Leaving]) -> bool:
    """Whether the session goes idle with these threads."""
    return not (_runs_go_on(state, leaving) or _going_on(state, leaving))


def others_than(state: SessionState, leaving: Sequence[Leaving]) -> list[Thread]:
    gone = {each.thread.id for each in leaving}
    return [thread for thread in state.threads if thread.id not in gone]


def _going_on(state: SessionState, leaving: Sequence[Leaving]) -> list[Thread]:
    """The threads that are at work, or are about to be because of what these leave behind."""
    resting = {each.thread.id for each in leaving if not waits(each.stop)}
    return [each for each in others_than(state, leaving) if goes_on(state, each, resting)]


def _runs_go_on(state: SessionState, leaving: Sequence[Leaving]) -> bool:
    gone = {each.thread.id for each in leaving}
    resting = {each.thread.id for each in leaving if not waits(each.stop)}
    return any(running.goes_on(state, run, gone, resting) for run in state.open_runs)


def _thread_stops(leaving: Leaving) -> list[Draft]:
    """The thread of a consultation, or of a call of a workflow's plan, ends with what it was made for."""
    thread, stop, details, outcome = leaving
    private = None if outcome is None else {"outcome": outcome}
    told = replace(draft.thread_idle(thread.name, thread.id, stop, details), private=private)
    is_over = (thread.is_advisor or thread.run_id is not None) and not waits(stop)
    return [told, draft.thread_terminated(thread.name, thread.id)] if is_over else [told]


def _of_session(state: SessionState, leaving: Sequence[Leaving], now: int) -> tuple[StopReason, JsonObject | None]:
    """A pending action outranks a reached budget, and that the primary thread's own reason."""
    asked = [call_id for each in leaving for call_id in each.stop.get("event_ids", [])]
    asked += [call.id for each in others_than(state, leaving) for call in each.waiting]
    if asked:
        return {"type": "requires_action", "event_ids": list(dict.fromkeys(asked))}, None
    stop, details = next(
        ((each.stop, each.details) for each in leaving if each.thread is state.primary),
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
