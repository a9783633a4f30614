"""What threads tell each other: two events for each message, one on the stream of either."""

from typing import Any

from journeyman.runtime.draft import Draft
from journeyman.runtime.steps import StopReason
from journeyman.runtime.thread import Thread

JsonObject = dict[str, Any]


def sent(sender: Thread, receiver: Thread, content: list[JsonObject], private: JsonObject | None = None) -> list[Draft]:
    """A message from one thread to another. The primary agent is not named to those it spawned."""
    to: JsonObject = {"to_session_thread_id": receiver.id, "to_agent_name": _name(receiver), "content": content}
    came: JsonObject = {"from_session_thread_id": sender.id, "from_agent_name": _name(sender), "content": content}
    return [
        Draft("agent.thread_message_sent", _told(to), thread=sender.id, shown=sender.parent is None),
        Draft(
            "agent.thread_message_received", _told(came), thread=receiver.id, shown=receiver.parent is None,
            private=private,
        ),
    ]  # fmt: skip


def words(child: Thread, stop: StopReason) -> str:
    """What it said last."""
    if stop["type"] == "refusal":
        return "The agent's model refused to go on with this."
    said = "\n".join(_last_words(child))
    return said or "The agent ended its turn without saying anything."


def _last_words(thread: Thread) -> list[str]:
    if not thread.history or thread.history[-1]["role"] != "assistant":
        return []
    return [block["text"] for block in thread.history[-1]["content"] if block["type"] == "text"]


def _name(thread: Thread) -> str | None:
    return None if thread.parent is None else thread.name


def _told(fields: JsonObject) -> JsonObject:
    """Without the names that are absent."""
    return {key: value for key, value in fields.items() if value is not None}
