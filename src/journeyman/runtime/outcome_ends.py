"""Outcomes that end without a verdict."""

from collections.abc import Sequence

from journeyman.runtime.draft import Draft, ModelUsage
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Thread
from journeyman.store.port import InboxItem

_FAILED = "The work could not be graded: {problem}"


def is_interrupted(state: SessionState, items: Sequence[InboxItem]) -> bool:
    """Whether these items, which are in the log by now, end the outcome that is worked towards."""
    cut = False
    for item in items:
        if item.type == "user.define_outcome":
            cut = False
        elif item.type == "user.interrupt":
            cut = cut or item.body.get("session_thread_id") in (None, state.primary.id)
    return cut and state.outcome is not None


def given_up(state: SessionState, thread: Thread, problem: str) -> list[Draft]:
    """The end of an evaluation whose grader cannot be asked."""
    if state.outcome is None or not state.is_evaluating(thread):
        return []
    return [state.outcome.ended("failed", _FAILED.format(problem=problem), ModelUsage(), {})]
