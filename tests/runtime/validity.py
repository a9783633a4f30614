"""What the Messages API demands of a request, and what the event stream promises of a log."""

from collections.abc import Sequence
from typing import Any

import orjson

from journeyman.models.port import ModelRequest
from journeyman.store.port import Row

JsonObject = dict[str, Any]

ON_RECEIPT = ("user.custom_tool_result", "user.define_outcome")
CALLS = ("agent.tool_use", "agent.custom_tool_use")
TWIN = {
    "session.status_running": "session.thread_status_running",
    "session.status_rescheduled": "session.thread_status_rescheduled",
}


def check_request(request: ModelRequest) -> None:
    """Raises AssertionError for what an upstream would refuse."""
    check_history(request.messages)
    marked = orjson.dumps([request.tools, request.system, request.messages]).count(b'"cache_control"')
    assert marked <= 4, "at most four cache breakpoints"


def check_history(messages: Sequence[JsonObject]) -> None:
    assert messages, "a request has a message"
    assert messages[-1]["role"] == "user", "the last word is the user's"
    open_calls: list[str] = []
    for place, message in enumerate(messages):
        assert message["role"] == ("assistant" if place % 2 else "user"), "roles alternate, the user begins"
        assert message["content"], "no message is empty"
        results = [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]
        kinds = [block["type"] for block in message["content"]]
        assert kinds[: len(results)] == ["tool_result"] * len(results), "results come first"
        assert results == open_calls, "every call is answered at once, in order, and nothing else is"
        open_calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        for block in message["content"]:
            assert block["type"] != "text" or block["text"].strip(), "no text is blank"
        assert message["role"] == "user" or kinds[-1] != "thinking", "an answer does not end with thinking"
    assert open_calls == []


def check_log(log: Sequence[Row]) -> None:
    """What holds of a log at every moment."""
    assert [row.seq for row in log] == list(range(1, len(log) + 1))
    assert len({row.id for row in log}) == len(log)
    stamps = [row.processed_at for row in log if row.type not in ON_RECEIPT]
    assert stamps == sorted(set(stamps)), "times increase"
    _check_statuses(log)
    _check_results(log)
    _check_spans(log)
    _check_evaluations(log)


def _check_statuses(log: Sequence[Row]) -> None:
    status, asked = "idle", True
    for place, row in enumerate(log):
        kind = row.type.removeprefix("session.status_")
        if kind == row.type:
            continue
        if kind == "idle":
            assert status != "idle" or asked, "it goes idle twice only while it requires action"
            before = [each.type for each in log[place - 2 : place]]
            assert before == ["session.thread_status_idle", "session.usage"], "thread, usage, session"
            assert log[place - 2].body["stop_reason"] == row.body["stop_reason"]
            asked = row.body["stop_reason"]["type"] == "requires_action"
        else:
            assert log[place + 1].type == TWIN[row.type], "session, then thread"
            allowed = {"running": ("idle", "rescheduled"), "rescheduled": ("running",)}
            assert status in allowed[kind], f"{status}, then {kind}"
        status = kind


def _check_results(log: Sequence[Row]) -> None:
    calls = {row.id: row for row in log if row.type in CALLS}
    settled: set[str] = set()
    for row in log:
        if row.type == "agent.tool_result":
            call = row.body["tool_use_id"]
            assert calls[call].seq < row.seq
            assert call not in settled, "a call has one result"
            settled.add(call)
        elif row.type == "user.custom_tool_result":
            settled.add(row.body["custom_tool_use_id"])
        elif row.type == "session.status_idle":
            here = {id_ for id_, call in calls.items() if call.seq < row.seq}
            stop = row.body["stop_reason"]
            if stop["type"] == "requires_action":
                named = set(stop["event_ids"])
                assert named, "it says what it waits for"
                assert named <= here - settled, "it waits for open calls only"
            else:
                assert here <= settled, "no call is open at the end of a turn"


def _check_spans(log: Sequence[Row]) -> None:
    open_span: str | None = None
    for row in log:
        if row.type == "span.model_request_start":
            assert open_span is None, "one request at a time"
            open_span = row.id
        elif row.type == "span.model_request_end":
            assert row.body["model_request_start_id"] == open_span
            open_span = None
        elif row.type == "session.status_idle":
            assert open_span is None, "no request is open at rest"


def _check_evaluations(log: Sequence[Row]) -> None:
    """One outcome at a time, one evaluation at a time, each with its number; the agent is not asked meanwhile."""
    outcome, evaluation, number, is_over = "", "", 0, True
    for row in log:
        match row.type:
            case "user.define_outcome":
                assert is_over, "one outcome at a time"
                outcome, evaluation, number, is_over = row.body["outcome_id"], "", 0, False
            case "span.outcome_evaluation_start":
                assert not evaluation and not is_over
                evaluation = row.id
            case "span.outcome_evaluation_ongoing":
                assert evaluation
            case "span.outcome_evaluation_end":
                assert row.body["outcome_evaluation_start_id"] == evaluation
                assert not is_over
            case "span.model_request_start":
                assert not evaluation, "the agent waits for its grade"
            case _:
                continue
        if row.type.startswith("span.outcome_"):
            assert (row.body["outcome_id"], row.body["iteration"]) == (outcome, number)
        if row.type == "span.outcome_evaluation_end":
            evaluation = ""
            is_over = row.body["result"] != "needs_revision"
            number += not is_over
