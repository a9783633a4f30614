"""A session as its log tells it. `fold` is pure: the same rows give the same state, on any machine, at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from journeyman.runtime.thread import Call, Thread
from journeyman.store.port import Row
from journeyman.telemetry.port import Turn
from journeyman.wire.budgets import cap

JsonObject = dict[str, Any]


@dataclass(slots=True)
class SessionState:
    """What the rows add up to. The owner keeps one and folds only what is new."""

    agent: JsonObject
    primary: Thread
    status: Literal["idle", "running", "rescheduling", "terminated"] = "idle"
    active_us: int = 0
    running_since: int | None = None
    turn_began: int = 0
    """µs since the epoch: when it last went from idle to running."""
    head: int = 0
    last_at: int = 0
    budget: JsonObject | None = None
    warned: list[str] = field(default_factory=list[str])
    """Credentials of which has been said that they cannot be used."""

    def is_spent(self, now: int) -> bool:
        """Whether it has cost as much as its budget allows; `now` in µs."""
        limit = cap(self.budget)
        ran = max(0, now - self.running_since) if self.running_since is not None else 0
        return limit is not None and self.primary.usage.list_cost_nano(self.active_us + ran) >= limit

    def apply(self, row: Row) -> None:
        """Fold one more row, in the order of the log."""
        self.head, self.last_at = row.seq, max(self.last_at, row.processed_at)
        handler = _HANDLERS.get(row.type)
        if handler is not None:
            handler(self, row)


def turn_of(session_id: str, state: SessionState) -> Turn:
    """The turn under way, or the last one, as observers are told of it."""
    return Turn(session_id, state.turn_began, str(state.agent.get("id", "")), str(state.agent.get("name", "")))


def fold(agent: JsonObject, thread_id: str, rows: Iterable[Row], budget: JsonObject | None = None) -> SessionState:
    """The state after `rows`, for a session whose agent was `agent` when it was made, and whose budget is `budget`."""
    state = SessionState(agent, Thread(thread_id), budget=budget)
    for row in rows:
        state.apply(row)
    state.budget = budget
    return state


def _session_running(state: SessionState, row: Row) -> None:
    if state.status == "idle":
        state.turn_began = row.processed_at
    state.status = "running"
    if state.running_since is None:
        state.running_since = row.processed_at


def _session_paused(state: SessionState, row: Row) -> None:
    state.status = "idle" if row.type == "session.status_idle" else "rescheduling"
    if state.running_since is not None:
        state.active_us += row.processed_at - state.running_since
        state.running_since = None


def _session_error(state: SessionState, row: Row) -> None:
    if "credential_id" in row.body["error"]:
        state.warned.append(row.body["error"]["credential_id"])


def _session_updated(state: SessionState, row: Row) -> None:
    state.agent = row.body.get("agent", state.agent)
    state.budget = row.body.get("budget", state.budget)


def _thread_running(state: SessionState, _row: Row) -> None:
    state.primary.status, state.primary.due_at, state.primary.paused = "running", None, False


def _thread_idle(state: SessionState, row: Row) -> None:
    thread = state.primary
    thread.status, thread.attempt, thread.due_at, thread.cuts = "idle", 0, None, 0
    thread.compactions, thread.refused = 0, 0
    stop = row.body["stop_reason"]["type"]
    thread.paused = stop == "budget_reached"
    if stop not in ("requires_action", "budget_reached"):
        thread.pending = False


def _thread_rescheduled(state: SessionState, row: Row) -> None:
    private = row.private or {}
    state.primary.status = "rescheduling"
    state.primary.attempt, state.primary.due_at = private["attempt"], private["due_at"]


def _user_message(state: SessionState, row: Row) -> None:
    state.primary.hear("user", row.body["content"])
    state.primary.last_words = [block["text"] for block in row.body["content"] if block["type"] == "text"]
    state.primary.shown.append((row.body, ""))


def _system_message(state: SessionState, row: Row) -> None:
    state.primary.hear("system", row.body["content"])
    state.primary.shown.append((row.body, ""))


def _tool_use(state: SessionState, row: Row) -> None:
    body = row.body
    permission, server = body.get("evaluated_permission", "allow"), body.get("mcp_server_name", "")
    call = Call(row.id, body["name"], body["input"], _KINDS[row.type], permission, server=server)
    state.primary.calls[row.id] = call


def _confirmation(state: SessionState, row: Row) -> None:
    call = state.primary.calls.get(row.body["tool_use_id"])
    if call is not None and call.verdict is None:
        call.verdict, call.deny_message = row.body["result"], row.body.get("deny_message")


def _tool_result(state: SessionState, row: Row) -> None:
    call_id = next(row.body[key] for key in _CALL_IDS if row.body.get(key))
    call = state.primary.calls.get(call_id)
    if call is not None and (call.kind == "custom" or (call.kind == "builtin" and call.name in _SHOWS_URLS)):
        state.primary.shown.append((row.body, call.name))
    state.primary.settle(call_id, row.body.get("content") or [], is_error=bool(row.body.get("is_error")))
    private = row.private or {}
    state.primary.usage.web_searches += private.get("web_searches", 0)
    state.primary.links += private.get("links", [])


def _request_start(state: SessionState, row: Row) -> None:
    state.primary.request = row.id


def _request_end(state: SessionState, row: Row) -> None:
    thread, usage, private = state.primary, row.body["model_usage"], row.private or {}
    thread.request = None
    thread.usage.add(usage, private)
    if "too_long" in private:
        thread.refused += 1
        thread.context_tokens = NO_ROOM
    if "content" in private:
        thread.context_tokens = sum(usage[key] for key in _CONTEXT)
        thread.answered(private["content"], private["outcome"])


def _compacted(state: SessionState, row: Row) -> None:
    state.primary.compact((row.private or {})["summary"])


NO_ROOM = 2**62
"""The weight of a context that the model refused as too long."""

_KINDS: Mapping[str, Literal["builtin", "custom", "mcp"]] = {
    "agent.tool_use": "builtin",
    "agent.custom_tool_use": "custom",
    "agent.mcp_tool_use": "mcp",
}
_CALL_IDS = ("tool_use_id", "custom_tool_use_id", "mcp_tool_use_id")
_SHOWS_URLS = ("web_fetch", "web_search")
_CONTEXT = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")

_HANDLERS = {
    "session.status_running": _session_running,
    "session.status_idle": _session_paused,
    "session.status_rescheduled": _session_paused,
    "session.updated": _session_updated,
    "session.error": _session_error,
    "session.thread_status_running": _thread_running,
    "session.thread_status_idle": _thread_idle,
    "session.thread_status_rescheduled": _thread_rescheduled,
    "user.message": _user_message,
    "system.message": _system_message,
    "agent.tool_use": _tool_use,
    "agent.custom_tool_use": _tool_use,
    "agent.mcp_tool_use": _tool_use,
    "agent.tool_result": _tool_result,
    "agent.mcp_tool_result": _tool_result,
    "user.tool_confirmation": _confirmation,
    "user.custom_tool_result": _tool_result,
    "span.model_request_start": _request_start,
    "span.model_request_end": _request_end,
    "agent.thread_context_compacted": _compacted,
}
