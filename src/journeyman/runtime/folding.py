"""Folding a log: what each row does to the state of its session. Pure: the same rows give the same state, on any
machine, at any time."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from journeyman.runtime import workflow
from journeyman.runtime.outcome import defined, farewell, news, revision, task
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import waits
from journeyman.runtime.thread import Call, Thread
from journeyman.store.port import Row

JsonObject = dict[str, Any]


def fold(agent: JsonObject, thread_id: str, rows: Iterable[Row], budget: JsonObject | None = None) -> SessionState:
    """The state after `rows`, for a session whose agent was `agent` when it was made, and whose budget is `budget`."""
    state = SessionState(Thread(thread_id, agent), budget=budget)
    for row in rows:
        apply(state, row)
    state.budget = budget
    return state


def apply(state: SessionState, row: Row) -> None:
    """Fold one more row, in the order of the log."""
    state.head, state.last_at = row.seq, max(state.last_at, row.processed_at)
    handler = _HANDLERS.get(row.type)
    if handler is not None:
        handler(state, row)


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
    state.primary.agent = row.body.get("agent", state.agent)
    state.budget = row.body.get("budget", state.budget)


def _thread_created(state: SessionState, row: Row) -> None:
    private, thread_id = row.private or {}, row.body["session_thread_id"]
    thread = Thread(thread_id, private["agent"], row.thread_id, row.body.get("workflow_run_id"))
    state.children[thread_id] = thread
    run = state.runs.get(thread.run_id or "")
    if run is not None:
        thread.key, thread.schema = private["key"], private["schema"]
        run.threads[thread.key] = thread_id
    if "call" in private:
        call: JsonObject = private["call"]
        thread.call_id, thread.pending = call["id"], True
        state.primary.calls[call["id"]] = Call(call["id"], call["name"], call["input"], "advisor")


def _thread_running(state: SessionState, row: Row) -> None:
    thread = state.thread(row.thread_id)
    thread.status, thread.due_at, thread.paused = "running", None, False
    if thread.running_since is None:
        thread.running_since = row.processed_at


def _thread_stands(thread: Thread, row: Row) -> None:
    if thread.running_since is not None:
        thread.active_us += row.processed_at - thread.running_since
        thread.running_since = None


def _thread_idle(state: SessionState, row: Row) -> None:
    thread = state.thread(row.thread_id)
    _thread_stands(thread, row)
    thread.status, thread.attempt, thread.due_at, thread.cuts = "idle", 0, None, 0
    thread.compactions, thread.refused = 0, 0
    thread.stop = row.body["stop_reason"]
    thread.paused = thread.stop["type"] == "budget_reached"
    if not waits(thread.stop):
        thread.pending = False
    if row.private is not None and "outcome" in row.private and thread.run_id in state.runs:
        state.runs[thread.run_id].outcomes[thread.key] = row.private["outcome"]


def _thread_rescheduled(state: SessionState, row: Row) -> None:
    thread, private = state.thread(row.thread_id), row.private or {}
    _thread_stands(thread, row)
    thread.status = "rescheduling"
    thread.attempt, thread.due_at = private["attempt"], private["due_at"]


def _thread_terminated(state: SessionState, row: Row) -> None:
    thread = state.thread(row.thread_id)
    _thread_stands(thread, row)
    thread.status, thread.pending, thread.paused, thread.calls = "terminated", False, False, {}
    if thread.call_id is not None:
        state.primary.settle(thread.call_id, [{"type": "text", "text": _NO_ADVICE}], is_error=True)


def _user_message(state: SessionState, row: Row) -> None:
    _hear(state.thread(row.thread_id), row, row.body["content"])


def _hear(thread: Thread, row: Row, content: list[JsonObject]) -> None:
    thread.hear("user", content)
    thread.last_words = [block["text"] for block in content if block["type"] == "text"]
    thread.shown.append((row.body, ""))


def _system_message(state: SessionState, row: Row) -> None:
    thread = state.thread(row.thread_id)
    thread.hear("system", row.body["content"])
    thread.shown.append((row.body, ""))


def _message_received(state: SessionState, row: Row) -> None:
    thread, body, private = state.thread(row.thread_id), row.body, row.private or {}
    if "call_id" in private:
        thread.settle(private["call_id"], body["content"], is_error=False)
    elif body.get("from_agent_name") is None:
        _hear(thread, row, body["content"])
    else:
        of = f"{body['from_agent_name']} (thread {body['from_session_thread_id']})"
        thread.hear("user", [{"type": "text", "text": f"Message from the agent {of}:"}, *body["content"]])


def _tool_use(state: SessionState, row: Row) -> None:
    body, private = row.body, row.private or {}
    permission, server = body.get("evaluated_permission", "allow"), body.get("mcp_server_name", "")
    kind = private.get("kind", _KINDS[row.type])
    call = Call(row.id, body["name"], body["input"], kind, permission, server=server)
    state.thread(row.thread_id).calls[row.id] = call


def _confirmation(state: SessionState, row: Row) -> None:
    call = state.thread(row.thread_id).calls.get(row.body["tool_use_id"])
    if call is not None and call.verdict is None:
        call.verdict, call.deny_message = row.body["result"], row.body.get("deny_message")


def _tool_result(state: SessionState, row: Row) -> None:
    thread = state.thread(row.thread_id)
    call_id = next(row.body[key] for key in _CALL_IDS if row.body.get(key))
    call = thread.calls.get(call_id)
    if call is not None and (call.kind == "custom" or (call.kind == "builtin" and call.name in _SHOWS_URLS)):
        thread.shown.append((row.body, call.name))
    thread.settle(call_id, row.body.get("content") or [], is_error=bool(row.body.get("is_error")))
    private = row.private or {}
    thread.usage.web_searches += private.get("web_searches", 0)
    thread.links += private.get("links", [])


def _request_start(state: SessionState, row: Row) -> None:
    state.thread(row.thread_id).request = row.id


def _request_end(state: SessionState, row: Row) -> None:
    thread, usage, private = state.thread(row.thread_id), row.body["model_usage"], row.private or {}
    thread.request = None
    thread.usage.add(usage, private)
    for judged in private.get("judged", ()):
        thread.usage.add(judged["usage"], judged)
    if "too_long" in private:
        thread.refused += 1
        thread.context_tokens = NO_ROOM
    if "content" in private:
        thread.context_tokens = sum(usage[key] for key in _CONTEXT)
        thread.answered(private["content"], private["outcome"])


def _run_created(state: SessionState, row: Row) -> None:
    workflow.created(state.runs, row)


def _run_changed(state: SessionState, row: Row) -> None:
    workflow.changed(state.runs, row)
    if row.private is not None and "told" in row.private:
        said = [{"type": "text", "text": row.private["told"]}]
        state.primary.hear("user" if row.private["wakes"] else "system", said)


def _compacted(state: SessionState, row: Row) -> None:
    state.thread(row.thread_id).compact((row.private or {})["summary"])


def _outcome_defined(state: SessionState, row: Row) -> None:
    outcome = defined(row)
    state.outcomes.append(outcome)
    said = task(outcome)
    state.primary.hear("user", said)
    state.primary.last_words = [block["text"] for block in said]
    state.primary.shown.append(({"type": "user.message", "content": said}, ""))


def _evaluated(state: SessionState, row: Row) -> None:
    """A beginning, a sign of life, or an end."""
    outcome = next((each for each in state.outcomes if each.id == row.body["outcome_id"]), None)
    if outcome is None:
        return
    thread, private = state.primary, row.private or {}
    if "usage" in private:
        thread.usage.add(private["usage"], private)
    if row.type == "span.outcome_evaluation_start":
        outcome.begin(row)
    elif row.type == "span.outcome_evaluation_ongoing":
        outcome.look(row)
        thread.attempt = 0 if "said" in private else thread.attempt
    else:
        outcome.end(row)
        thread.attempt = 0
        match outcome.result:
            case "running":
                thread.hear("user", revision(outcome))
            case "max_iterations_reached":
                thread.hear("user", farewell(outcome))
            case _:
                thread.hear("system", news(outcome))


_NO_ADVICE = "The consultation failed; go on without the advice."

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
    "session.thread_created": _thread_created,
    "session.thread_status_running": _thread_running,
    "session.thread_status_idle": _thread_idle,
    "session.thread_status_rescheduled": _thread_rescheduled,
    "session.thread_status_terminated": _thread_terminated,
    "user.message": _user_message,
    "system.message": _system_message,
    "agent.thread_message_received": _message_received,
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
    "user.define_outcome": _outcome_defined,
    "span.outcome_evaluation_start": _evaluated,
    "span.outcome_evaluation_ongoing": _evaluated,
    "span.outcome_evaluation_end": _evaluated,
    "workflow_run.created": _run_created,
    "workflow_run.status_running": _run_changed,
    "workflow_run.status_idle": _run_changed,
    "workflow_run.status_ended": _run_changed,
    "workflow_run.phase_started": _run_changed,
    "workflow_run.phase_ended": _run_changed,
}
