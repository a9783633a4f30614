"""Calls that wait for other threads of the session: which, and until when."""

from collections.abc import Set

from journeyman.runtime.running import is_behind
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Call, Thread
from journeyman.runtime.workflow import WorkflowRun
from journeyman.tools import workflows
from journeyman.tools.agents import WAIT


def is_over(state: SessionState, thread: Thread, call: Call) -> bool:
    """What it waits for has come; so it has for a call that waits for no thread."""
    return all(each.rests for each in _waited_for(state, thread, call)) and not _runs_waited_for(state, call)


def obstacles(state: SessionState, thread: Thread) -> list[Thread]:
    """The threads that `thread` waits for."""
    calls = [call for call in thread.calls.values() if call.result is None]
    found = {each.id: each for call in calls for each in _waited_for(state, thread, call) if not each.rests}
    of_runs = [each for call in calls for run in _runs_waited_for(state, call) for each in state.threads_of(run)]
    return [*found.values(), *of_runs]


def waits_for_computing(state: SessionState, thread: Thread) -> bool:
    """Whether a run that `thread` waits for goes on by itself."""
    calls = [call for call in thread.calls.values() if call.result is None]
    return any(is_behind(state, run) for call in calls for run in _runs_waited_for(state, call))


def goes_on(state: SessionState, thread: Thread, resting: Set[str]) -> bool:
    """Whether a thread is at work, or will be once those of `resting` are at rest."""
    if thread.status != "idle" or thread.paused or thread.waiting or not thread.calls:
        return thread.works
    open_calls = [call for call in thread.calls.values() if call.result is None]
    return any(
        all(each.rests or each.id in resting for each in _waited_for(state, thread, call))
        and not _runs_waited_for(state, call)
        for call in open_calls
    )


def _waited_for(state: SessionState, thread: Thread, call: Call) -> list[Thread]:
    own = [each for each in state.children.values() if each.parent == thread.id]
    if call.kind == "advisor":
        return [each for each in own if each.call_id == call.id]
    if call.kind != "agents" or call.name != WAIT or call.denied:
        return []
    named: list[str] = call.input.get("session_thread_ids") or []
    agents = [each for each in own if not each.is_advisor and each.run_id is None]
    return [each for each in agents if not named or each.id in named]


def _runs_waited_for(state: SessionState, call: Call) -> list[WorkflowRun]:
    if call.kind != "agents" or call.name != workflows.WAIT:
        return []
    named: list[str] = call.input.get("workflow_run_ids") or []
    return [run for run in state.open_runs if not named or run.id in named]
