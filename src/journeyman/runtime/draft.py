"""Events before they have their place in the log, and the few that a turn is made of."""

from dataclasses import dataclass, field, replace
from typing import Any

from journeyman.runtime.steps import StopReason
from journeyman.runtime.thread import Call, Thread
from journeyman.store.port import InboxItem
from journeyman.tools.port import ToolResult

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """One event to be. `session`: it belongs to the session itself, not to a thread."""

    type: str
    fields: JsonObject
    session: bool = False
    private: JsonObject | None = None
    id: str | None = None
    processed_at: int | None = None
    """Kept when the event was processed on receipt."""
    thread: str | None = None
    """Whose it is; None: the primary thread's."""
    shown: bool = True
    """Whether the session's own stream has it too."""


def from_inbox(item: InboxItem, child: str | None = None) -> Draft:
    """`child`: the thread, other than the primary one, that takes it."""
    fields = {key: value for key, value in item.body.items() if key not in ("id", "type", "processed_at")}
    if child is not None and "session_thread_id" in fields:
        fields["session_thread_id"] = child
    return Draft(item.type, fields, id=item.id, processed_at=item.processed_at, thread=child)


def thread_begun(child: Thread, private: JsonObject) -> list[Draft]:
    """It is there, and at work. `private`: its whole agent, and what it was made for."""
    told = {"session_thread_id": child.id, "agent_name": child.name, "workflow_run_id": child.run_id}
    created = Draft("session.thread_created", told, private={"agent": child.agent, **private}, thread=child.parent)
    return [created, thread_running(child.name, child.id)]


def thread_running(agent_name: str, thread_id: str) -> Draft:
    return _thread_status("running", agent_name, thread_id)


def thread_idle(agent_name: str, thread_id: str, stop: StopReason, details: JsonObject | None) -> Draft:
    return _thread_status("idle", agent_name, thread_id, stop_reason=stop, stop_details=details)


def thread_terminated(agent_name: str, thread_id: str) -> Draft:
    return _thread_status("terminated", agent_name, thread_id)


def _thread_status(status: str, agent_name: str, thread_id: str, **more: Any) -> Draft:
    fields = {"agent_name": agent_name, "session_thread_id": thread_id, **more}
    return Draft(f"session.thread_status_{status}", fields, thread=thread_id)


def session_running() -> Draft:
    return Draft("session.status_running", {}, session=True)


def running(agent_name: str, thread_id: str) -> list[Draft]:
    """Session first, then thread."""
    return [session_running(), thread_running(agent_name, thread_id)]


def thread_rescheduled(agent_name: str, thread_id: str, *, attempt: int, due_at: int) -> Draft:
    told = _thread_status("rescheduled", agent_name, thread_id)
    return replace(told, private={"attempt": attempt, "due_at": due_at})


def session_rescheduled() -> Draft:
    return Draft("session.status_rescheduled", {}, session=True)


def session_usage(usage: JsonObject, budget: JsonObject | None) -> Draft:
    return Draft("session.usage", {"usage": usage, "budget": budget}, session=True)


def session_idle(stop: StopReason, details: JsonObject | None) -> Draft:
    return Draft("session.status_idle", {"stop_reason": stop, "stop_details": details}, session=True)


def error(kind: str, message: str, retry_status: str, **about: str) -> Draft:
    """`session.error`; `kind` is the wire's type, such as `model_overloaded_error`, which some say more `about`."""
    fields = {"error": {"type": kind, **about, "message": message, "retry_status": {"type": retry_status}}}
    return Draft("session.error", fields, session=True)


def result_of(call: Call, result: ToolResult) -> Draft:
    """The result of a call that the server itself runs."""
    if call.kind != "mcp":
        return tool_result(call.id, result)
    fields = {"mcp_tool_use_id": call.id, "content": result.content, "is_error": result.is_error}
    return Draft("agent.mcp_tool_result", fields)


def tool_result(call_id: str, result: ToolResult) -> Draft:
    fields = {"tool_use_id": call_id, "content": result.content, "is_error": result.is_error}
    private: JsonObject = {}
    if result.web_searches:
        private["web_searches"] = result.web_searches
    if result.links:
        private["links"] = list(result.links)
    return Draft("agent.tool_result", fields, private=private or None)


@dataclass(slots=True)
class ModelUsage:
    """Tokens of one request, as `span.model_request_end` shows them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_1h: int = field(default=0)

    def told(self) -> dict[str, int]:
        """As observers are told of it."""
        return {
            "input": self.input_tokens,
            "output": self.output_tokens,
            "cache_read": self.cache_read_input_tokens,
            "cache_write": self.cache_creation_input_tokens,
        }

    def wire(self) -> JsonObject:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_creation_input_tokens": self.cache_creation_input_tokens,
            "cache_read_input_tokens": self.cache_read_input_tokens,
            "speed": None,
        }


def request_end(start_id: str, usage: ModelUsage, *, is_error: bool, private: JsonObject) -> Draft:
    fields = {"model_request_start_id": start_id, "is_error": is_error, "model_usage": usage.wire()}
    return Draft("span.model_request_end", fields, private=private)
