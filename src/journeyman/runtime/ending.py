"""What is said when a thread's turn ends: results of calls that nobody waits for, and word to who delegated it."""

from typing import Any

from journeyman.runtime import reports as told
from journeyman.runtime.draft import Draft, result_of
from journeyman.runtime.pen import owned
from journeyman.runtime.schemas import read
from journeyman.runtime.session import SessionState
from journeyman.runtime.standing import Leaving
from journeyman.runtime.steps import END_TURN, StopReason, waits
from journeyman.runtime.thread import Call, Thread
from journeyman.tools.port import text_result

JsonObject = dict[str, Any]

_ABANDONED = (
    "The user interrupted the agent before this call finished. It may have had effects; check before repeating it."
)
_NEVER_RUN = "The user interrupted the agent before this call was approved or answered. It was not run."
_INTERRUPTED = "The user interrupted the agent before it had finished."
_ARCHIVED = "The user archived the agent's thread before it had finished."


def abandoned(thread: Thread, call: Call) -> Draft:
    """The result of a call that an interrupt cut or never let run."""
    result = text_result(_NEVER_RUN if call.waiting or call.denied else _ABANDONED, is_error=True)
    if call.kind != "custom":
        return owned(thread, result_of(call, result))
    fields = {"custom_tool_use_id": call.id, "content": result.content, "is_error": True, "session_thread_id": None}
    return owned(thread, Draft("user.custom_tool_result", fields))


def reports(state: SessionState, thread: Thread, stop: StopReason, problem: str | None = None) -> list[Draft]:
    """What the thread that delegated to this one is told: its last words, or the `problem`. Nothing while it waits."""
    if not thread.is_delegate or waits(stop):
        return []
    content = [{"type": "text", "text": problem or told.words(thread, stop)}]
    return told.sent(thread, state.thread(thread.parent), content)


def interrupted(state: SessionState, thread: Thread) -> list[Draft]:
    """What it is told when the user has interrupted only this one."""
    return reports(state, thread, END_TURN, _INTERRUPTED)


def archived(state: SessionState, thread: Thread) -> list[Draft]:
    """What it is told when the user has archived this one, which waited."""
    return reports(state, thread, END_TURN, _ARCHIVED)


def leaving(thread: Thread, stop: StopReason, details: JsonObject | None = None, problem: str | None = None) -> Leaving:
    """A thread that stops; if it was a call of a workflow's plan, with what came of it. `problem`: why it failed."""
    if thread.run_id is None or waits(stop):
        return Leaving(thread, stop, details)
    outcome = read(told.words(thread, stop), thread.schema) if problem is None else {"error": problem}
    return Leaving(thread, stop, details, outcome)


def cut(thread: Thread) -> Leaving:
    """A thread that an interrupt stops."""
    return leaving(thread, END_TURN, problem=_INTERRUPTED)
