"""Which thread an inbox item is for."""

from collections.abc import Sequence

from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Thread
from journeyman.store.port import InboxItem

ARCHIVED = "session.thread_status_terminated"
"""The API has archived a thread: what it put into the inbox becomes the event."""

_ANSWERS = ("user.tool_confirmation", "user.custom_tool_result")


def mail_for(state: SessionState, thread: Thread, inbox: Sequence[InboxItem]) -> list[InboxItem]:
    """The items that `thread` is to take, in order. What is for nobody else is for the primary thread."""
    return [item for item in inbox if reader(state, item) is thread] if state.children else list(inbox)


def target(item: InboxItem) -> str | None:
    """The call that an item answers."""
    if item.type not in _ANSWERS:
        return None
    found = item.body.get("tool_use_id") or item.body.get("custom_tool_use_id")
    return found if isinstance(found, str) else None


def asks_to_end(item: InboxItem, thread: Thread | None) -> bool:
    """Whether it is an interrupt of `thread`, or, for None, of the whole session."""
    named = item.body.get("session_thread_id")
    return item.type == "user.interrupt" and (named is None if thread is None else named == thread.id)


def reader(state: SessionState, item: InboxItem) -> Thread:
    """The thread that is to take an item."""
    if item.type in ("user.interrupt", ARCHIVED):
        return state.thread(item.body.get("session_thread_id"))
    return state.caller(target(item))
