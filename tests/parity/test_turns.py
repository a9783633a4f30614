"""The order of a turn's events (facts 9.1 to 9.3)."""

import pytest

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, TOOLSET, one, only, types

pytestmark = pytest.mark.validated

RESULTS = ["agent.tool_result", "agent.tool_result"]


def test_text_turn(converse: Converse) -> None:
    """facts 9.1: running is session then thread, the message follows, idle is thread, usage, session."""
    session = converse()
    events = session.turn("SCRIPT: text hello there")
    assert types(events) == [*RUNNING, "user.message", *REQUEST, *IDLE]
    assert session.listed() == events


def test_thinking_stands_before_the_message(converse: Converse) -> None:
    """facts 9.1: `agent.thinking` between the start of the span and the message."""
    events = converse().turn("SCRIPT: think let me see && text seen")
    start, *rest = REQUEST
    assert types(events) == [*RUNNING, "user.message", start, "agent.thinking", *rest, *IDLE]


def test_both_ends_of_a_turn_say_end_turn(converse: Converse) -> None:
    """facts 9.1, 8.12: the thread's and the session's idle carry the same stop reason."""
    events = converse().turn("SCRIPT: text hello")
    for kind in ("session.thread_status_idle", "session.status_idle"):
        assert one(events, kind)["stop_reason"] == {"type": "end_turn"}


def test_stamps_follow_the_order(converse: Converse) -> None:
    """facts 3.4, 9.1: stamps are strictly increasing in list order."""
    session = converse()
    session.turn("SCRIPT: text hello")
    stamps = [event["processed_at"] for event in session.listed()]
    assert stamps == sorted(set(stamps))


def test_tool_turn_with_parallel_calls(converse: Converse) -> None:
    """facts 9.2: all uses, then the span's end, then all results in call order, then the next span."""
    session = converse(tools=[TOOLSET])
    events = session.turn("SCRIPT: say two calls && bash echo first && bash echo second | text done")
    asked = ["span.model_request_start", "agent.message", "agent.tool_use", "agent.tool_use", "span.model_request_end"]
    assert types(events) == [*RUNNING, "user.message", *asked, *RESULTS, *REQUEST, *IDLE]
    uses, results = only(events, "agent.tool_use"), only(events, "agent.tool_result")
    assert [use["input"]["command"] for use in uses] == ["echo first", "echo second"]
    assert [result["tool_use_id"] for result in results] == [use["id"] for use in uses]
    assert [result["content"][0]["text"] for result in results] == ["first\n", "second\n"]
    assert session.listed() == events


def test_no_message_when_the_model_only_calls(converse: Converse) -> None:
    """facts 8.5: no empty `agent.message` beside a call."""
    events = converse(tools=[TOOLSET]).turn("SCRIPT: bash true | text done")
    assert [event["content"][0]["text"] for event in only(events, "agent.message")] == ["done"]


def test_one_running_pair_for_a_turn_of_many_steps(converse: Converse) -> None:
    """facts 9.2: no running or idle events between the steps of a turn."""
    events = converse(tools=[TOOLSET]).turn("SCRIPT: bash*3 true | text done")
    assert len(only(events, "span.model_request_start")) == 4
    assert [kind for kind in types(events) if "status" in kind] == [*RUNNING, IDLE[0], IDLE[2]]


def test_message_in_mid_turn(converse: Converse) -> None:
    """facts 9.3, 8.3: it lands behind the results of the step in progress and before the next request."""
    session = converse(tools=[TOOLSET])
    session.say("SCRIPT: bash sleep 1 && bash echo last | text done")
    session.read_until("agent.tool_use")
    echo = session.say("one more thing")
    assert echo["processed_at"] is None
    session.read_until("session.status_idle")
    events = session.listed()
    asked = ["span.model_request_start", "agent.tool_use", "agent.tool_use", "span.model_request_end"]
    expected = [*RUNNING, "user.message", *asked, *RESULTS, "user.message", *REQUEST, *IDLE]
    assert types(events) == expected
    second = only(events, "user.message")[1]
    assert second["id"] == echo["id"]
    assert second["processed_at"] > only(events, "agent.tool_result")[1]["processed_at"]


def test_two_messages_at_once(converse: Converse) -> None:
    """facts 9.3: a second message sent right behind the first is part of the same turn."""
    session = converse()
    session.say("SCRIPT: {ttft=0.3} text one | text two")
    session.say("and this")
    session.read_until("session.status_idle")
    events = session.listed()
    assert len(only(events, "user.message")) == 2
    assert types(events).count("session.status_running") == types(events).count("session.status_idle") == 1


def test_a_session_goes_on(converse: Converse) -> None:
    """facts 9.1: a second turn has its own running and idle events, behind the first's."""
    session = converse()
    first = session.turn("SCRIPT: text one")
    second = session.turn("SCRIPT: text two")
    assert types(second) == types(first)
    assert session.listed() == first + second
