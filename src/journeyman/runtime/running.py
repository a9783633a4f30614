"""What workflow runs want next. Pure."""

from collections.abc import Sequence, Set

from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import Compute, EndRun, Step, Wait
from journeyman.runtime.thread import Thread
from journeyman.runtime.workflow import WorkflowRun


def steps_of_runs(state: SessionState, now: int, busy: Set[str], limit: int) -> list[Step]:
    """Of all that are open and not being computed; `limit` (µs): how long one may take."""
    found: list[Step] = []
    for run in state.open_runs:
        if run.id in busy:
            continue
        if now >= run.began + limit:
            found.append(EndRun(run))
        elif is_behind(state, run):
            found.append(Compute(run))
        else:
            found.append(Wait(run.began + limit))
    return found


def is_behind(state: SessionState, run: WorkflowRun) -> bool:
    """It was not computed with all the outcomes there are."""
    return state.computed.get(run.id) != len(run.outcomes)


def goes_on(state: SessionState, run: WorkflowRun, leaving: Set[str], resting: Set[str]) -> bool:
    """Whether it does more than wait for a person or a budget, once the threads `leaving` have stopped and those of
    `resting`, among them, are over."""
    threads = state.threads_of(run)
    if is_behind(state, run) or any(thread.id in resting for thread in threads):
        return True
    return any(thread.works for thread in threads if thread.id not in leaving)


def is_orphan(state: SessionState, thread: Thread) -> bool:
    """Its run is over, and it is not."""
    run = state.runs.get(thread.run_id or "")
    return run is not None and not run.is_open and thread.status != "terminated"


def stuck(state: SessionState, leaving: Sequence[Thread]) -> list[WorkflowRun]:
    """The runs that can do nothing once these threads wait."""
    gone = {thread.id for thread in leaving}
    concerned = {thread.run_id for thread in leaving}
    return [
        run
        for run in state.open_runs
        if run.id in concerned and run.status == "running" and not goes_on(state, run, gone, frozenset())
    ]
