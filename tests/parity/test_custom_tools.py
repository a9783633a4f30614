"""Tools that the client runs (facts 9.5)."""

from typing import Any

import anthropic
import pytest

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, Conversation, Event, one, only, types

LOOKUP = {
    "type": "custom",
    "name": "lookup",
    "description": "Looks up an order.",
    "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
}
SCRIPT = 'tool lookup {"order": "1234"} | text it is on its way'


def result(use: Event, text: str, **more: Any) -> Event:
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": content, **more}


def called(converse: Converse) -> tuple[Conversation, list[Event], Event]:
    session = converse(tools=[LOOKUP])
    events = session.turn(f"SCRIPT: {SCRIPT}")
    return session, events, one(events, "agent.custom_tool_use")


@pytest.mark.validated
def test_it_waits_for_the_result(converse: Converse) -> None:
    """facts 9.5, 8.9: the use has no `evaluated_permission`; the session requires action."""
    _, events, use = called(converse)
    request = ["span.model_request_start", "agent.custom_tool_use", "span.model_request_end"]
    assert types(events) == [*RUNNING, "user.message", *request, *IDLE]
    assert (use["name"], use["input"], use["session_thread_id"]) == ("lookup", {"order": "1234"}, None)
    assert "evaluated_permission" not in use
    stop = one(events, "session.status_idle")["stop_reason"]
    assert stop == {"type": "requires_action", "event_ids": [use["id"]]}


@pytest.mark.validated
def test_the_turn_goes_on_with_the_result(converse: Converse) -> None:
    """facts 9.5: the result, the running pair, then the next request at once."""
    session, _, use = called(converse)
    (echo,) = session.send(result(use, "in transit"))
    assert echo["processed_at"] is not None
    events = session.read_until("session.status_idle")
    assert types(events) == ["user.custom_tool_result", *RUNNING, *REQUEST, *IDLE]
    assert one(events, "agent.message")["content"][0]["text"] == "it is on its way"


@pytest.mark.validated
def test_duplicate_result(converse: Converse) -> None:
    """facts 9.5: accepted with a new id; a turn without a model request; listed behind it."""
    session, _, use = called(converse)
    (first,) = session.send(result(use, "in transit"))
    before = len(session.read_until("session.status_idle")) and len(session.listed())
    (second,) = session.send(result(use, "delivered"))
    assert second["id"] != first["id"]
    session.read_until("user.custom_tool_result")
    events = session.listed()[before:]
    assert [kind for kind in types(events) if kind != "session.usage"] == [
        *RUNNING, "session.thread_status_idle", "session.status_idle", "user.custom_tool_result",
    ]  # fmt: skip
    assert one(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}


@pytest.mark.documented
def test_result_of_nothing(converse: Converse) -> None:
    """facts 9.5: a result names a custom tool use of its session."""
    session, _, _ = called(converse)
    with pytest.raises(anthropic.BadRequestError):
        session.send(result({"id": "sevt_011CZkZAtmR3yMPDzynEDxu7"}, "?"))


@pytest.mark.documented
def test_several_calls_wait_together(converse: Converse) -> None:
    """facts 9.4, 9.5: with some of several results in, the session asks again for the rest."""
    session = converse(tools=[LOOKUP])
    script = 'tool lookup {"order": "1"} && tool lookup {"order": "2"} | text both'
    first, second = only(session.turn(f"SCRIPT: {script}"), "agent.custom_tool_use")
    session.send(result(first, "one"))
    events = session.read_until("session.status_idle")
    waiting = {"type": "requires_action", "event_ids": [second["id"]]}
    assert one(events, "session.status_idle")["stop_reason"] == waiting
    session.send(result(second, "two", is_error=True))
    assert types(session.read_until("session.status_idle"))[-len(REQUEST + IDLE) :] == REQUEST + IDLE
