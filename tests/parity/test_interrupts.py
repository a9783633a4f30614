"""Interrupting a turn (facts 9.6)."""

import time

import pytest

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, TOOLSET, Conversation, one, only, types

pytestmark = pytest.mark.documented

INTERRUPT = {"type": "user.interrupt"}
SOON = 3.0
"""Seconds within which an interrupt must have stopped everything, on a busy machine."""


def interrupt(session: Conversation) -> list[str]:
    """Interrupt and read to the end of the turn; the types from here on."""
    began = time.monotonic()
    (echo,) = session.send(INTERRUPT)
    assert echo["processed_at"] is None
    events = session.read_until("session.status_idle")
    assert time.monotonic() - began < SOON
    assert one(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}
    assert one(events, "user.interrupt")["id"] == echo["id"]
    return types(events)


def test_while_the_model_speaks(converse: Converse) -> None:
    """facts 9.6, 10.6: the cut request still gets its span end and no message."""
    session = converse(previews=["agent.message"])
    session.say("SCRIPT: {gap=0.2} text*100 word ")
    session.read_until("event_delta")
    seen = [kind for kind in interrupt(session) if kind != "event_delta"]
    assert seen == ["span.model_request_end", "user.interrupt", *IDLE]
    events = session.listed()
    assert not only(events, "agent.message")
    end = one(events, "span.model_request_end")
    assert end["model_request_start_id"] == one(events, "span.model_request_start")["id"]


def test_before_the_model_speaks(converse: Converse) -> None:
    """facts 9.6: the same when nothing has come from the model yet."""
    session = converse()
    session.say("SCRIPT: {ttft=30} text too late")
    session.read_until("span.model_request_start")
    assert interrupt(session) == ["span.model_request_end", "user.interrupt", *IDLE]


def test_while_a_tool_runs(converse: Converse) -> None:
    """facts 9.6: the tool is stopped, and each abandoned call gets an error result."""
    session = converse(tools=[TOOLSET])
    session.say("SCRIPT: bash sleep 60 && bash echo never | text no")
    session.read_until("span.model_request_end")
    seen = interrupt(session)
    assert seen == ["agent.tool_result", "agent.tool_result", "user.interrupt", *IDLE]
    events = session.listed()
    results = only(events, "agent.tool_result")
    assert [each["tool_use_id"] for each in results] == [use["id"] for use in only(events, "agent.tool_use")]
    assert all(each["is_error"] for each in results)


def test_while_it_waits_for_a_person(converse: Converse) -> None:
    """facts 9.6: a call that waits for its confirmation is abandoned."""
    asking = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    session = converse(tools=[asking])
    session.turn("SCRIPT: bash echo never | text no")
    assert interrupt(session) == ["agent.tool_result", "user.interrupt", *IDLE]
    events = session.turn("SCRIPT: text back again")
    assert types(events) == [*RUNNING, "user.message", *REQUEST, *IDLE]


def test_a_message_behind_it_starts_a_turn(converse: Converse) -> None:
    """facts 9.6: a message sent with the interrupt is a new turn, and the conversation goes on."""
    session = converse()
    session.say("SCRIPT: {ttft=30} text too late")
    session.read_until("span.model_request_start")
    redirect = {"type": "user.message", "content": [{"type": "text", "text": "SCRIPT: text this instead"}]}
    session.send(INTERRUPT, redirect)
    cut = session.read_until("session.status_idle")
    assert types(cut) == ["span.model_request_end", "user.interrupt", *IDLE]
    events = session.read_until("session.status_idle")
    assert types(events) == [*RUNNING, "user.message", *REQUEST, *IDLE]
    assert one(events, "agent.message")["content"][0]["text"] == "this instead"


def test_of_the_primary_thread(converse: Converse) -> None:
    """facts 9.6: `session_thread_id` names the thread to stop."""
    session = converse()
    (thread,) = session.client.beta.sessions.threads.list(session.id)
    session.say("SCRIPT: {ttft=30} text too late")
    session.read_until("span.model_request_start")
    session.send({**INTERRUPT, "session_thread_id": thread.id})
    assert one(session.read_until("session.status_idle"), "user.interrupt")["session_thread_id"] == thread.id


@pytest.mark.ours_only
def test_when_idle(converse: Converse) -> None:
    """An interrupt of a session at rest is listed and changes nothing."""
    session = converse()
    session.turn("SCRIPT: text done")
    (echo,) = session.send(INTERRUPT)
    assert types(session.read_until("user.interrupt")) == ["user.interrupt"]
    assert session.listed()[-1]["id"] == echo["id"]
    assert types(session.turn("SCRIPT: text on")) == [*RUNNING, "user.message", *REQUEST, *IDLE]
