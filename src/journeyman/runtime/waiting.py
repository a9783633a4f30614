"""Calls that wait for other threads of the session: which, and until when."""

from collections.abc import Set

from journeyman.runtime.running import is_behind
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Call, Thread
from journeyman.runtime.workflow import WorkflowRun
from journeyman.tools import workflows
from journeyman.tools.agents import WAIT

_NOBODY: frozenset[str] = frozenset()


def is_over(state: SessionState, call: Call, resting: Set[str] = _NOBODY) -> bool:
    """What it waits for, if anything, has come, or will have when the threads of `resting` are at rest."""
    threads = _waited_for(state, call)
    return all(each.rests or each.id in resting for each in threads) and not _runs_waited_for(state, call)


def obstacles(state: SessionState, thread: Thread) -> list[Thread]:
    """The threads that `thread` waits for."""
    calls = thread.open_calls
    found = {each.id: each for call in calls for each in _waited_for(state, call) if not each.rests}
    of_runs = [each for call in calls for run in _runs_waited_for(state, call) for each in state.threads_of(run)]
    return [*found.values(), *of_runs]


def waits_for_computing(state: SessionState, thread: Thread) -> bool:
    """Whether a run that `thread` waits for goes on by itself."""
    return any(is_behind(state, run) for call in thread.open_calls for run in _runs_waited_for(state, call))


def goes_on(state: SessionState, thread: Thread, resting: Set[str]) -> bool:
    """Whether a thread is at work, or will be once those of `resting` are at rest."""
    if thread.status != "idle" or thread.paused or thread.waiting or not thread.calls:
        return thread.works
    return any(is_over(state, call, resting) for call in thread.open_calls)


def _waited_for(state: SessionState, call: Call) -> list[Thread]:
    if call.kind == "advisor":
        return [each for each in state.children.values() if each.call_id == call.id]
    if call.kind != "agents" or call.name != WAIT or call.denied:
        return []
    named: list[str] = call.input.get("session_thread_ids") or []
    return [each for each in state.children.values() if each.is_delegate and (not named or each.id in named)]


def _runs_waited_for(state: SessionState, call: Call) -> list[WorkflowRun]:
    if call.kind != "agents" or call.name != workflows.WAIT:
        return []
    named: list[str] = call.input.get("workflow_run_ids") or []
    return [run for run in state.open_runs if not named or run.id in named]
