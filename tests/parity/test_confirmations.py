"""Calls that wait for a person (facts 9.4)."""

from typing import Any

import anthropic
import pytest

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, Conversation, Event, one, only, types

ASKING = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
USE = ["span.model_request_start", "agent.tool_use", "span.model_request_end"]


def confirm(use: Event, result: str, **more: Any) -> Event:
    return {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": result, **more}


def asked(converse: Converse, script: str) -> tuple[Conversation, list[Event], list[Event]]:
    """A session that waits: the events of the turn, and the uses among them."""
    session = converse(tools=[ASKING])
    events = session.turn(f"SCRIPT: {script}")
    return session, events, only(events, "agent.tool_use")


@pytest.mark.validated
def test_it_waits(converse: Converse) -> None:
    """facts 9.4: span end, then idle with `requires_action` and the ids of the uses."""
    session, events, uses = asked(converse, "bash echo hi | text done")
    assert types(events) == [*RUNNING, "user.message", *USE, *IDLE]
    assert uses[0]["evaluated_permission"] == "ask"
    waiting = {"type": "requires_action", "event_ids": [uses[0]["id"]]}
    assert one(events, "session.thread_status_idle")["stop_reason"] == waiting
    assert one(events, "session.status_idle")["stop_reason"] == waiting
    assert session.status() == "idle"


@pytest.mark.validated
def test_allow(converse: Converse) -> None:
    """facts 9.4: the confirmation, the running pair, the result at once, then the next request."""
    session, _, (use,) = asked(converse, "bash echo hi | text done")
    (echo,) = session.send(confirm(use, "allow"))
    assert echo["processed_at"] is None
    events = session.read_until("session.status_idle")
    assert types(events) == ["user.tool_confirmation", *RUNNING, "agent.tool_result", *REQUEST, *IDLE]
    result = one(events, "agent.tool_result")
    assert (result["tool_use_id"], result["is_error"]) == (use["id"], False)
    assert result["content"] == [{"type": "text", "text": "hi\n"}]
    assert one(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}


@pytest.mark.validated
def test_deny(converse: Converse) -> None:
    """facts 9.4: the model is told who refused and why, and goes on."""
    session, _, (use,) = asked(converse, "bash echo hi | text understood")
    session.send(confirm(use, "deny", deny_message="not today"))
    events = session.read_until("session.status_idle")
    assert types(events) == ["user.tool_confirmation", *RUNNING, "agent.tool_result", *REQUEST, *IDLE]
    result = one(events, "agent.tool_result")
    text = "Permission to use bash has been rejected. Rejection message: not today"
    assert (result["is_error"], result["content"]) == (True, [{"type": "text", "text": text}])


@pytest.mark.documented
def test_some_of_several(converse: Converse) -> None:
    """facts 9.4: `session.status_idle` comes again with the ids that remain; no result before all are answered."""
    session, _, (first, second) = asked(converse, "bash echo one && bash echo two | text done")
    session.send(confirm(first, "allow"))
    events = session.read_until("session.status_idle")
    remaining = {"type": "requires_action", "event_ids": [second["id"]]}
    assert one(events, "session.status_idle")["stop_reason"] == remaining
    assert not only(events, "span.model_request_start")
    session.send(confirm(second, "deny"))
    session.read_until("session.status_idle")
    results = only(session.listed(), "agent.tool_result")
    assert [(each["tool_use_id"], each["is_error"]) for each in results] == [(first["id"], False), (second["id"], True)]


@pytest.mark.documented
def test_several_in_one_request(converse: Converse) -> None:
    """facts 9.4: several confirmations may share a request; the turn goes on once."""
    session, _, (first, second) = asked(converse, "bash echo one && bash echo two | text done")
    session.send(confirm(second, "deny"), confirm(first, "allow"))
    events = session.read_until("session.status_idle")
    results = ["agent.tool_result", "agent.tool_result"]
    assert types(events) == ["user.tool_confirmation"] * 2 + [*RUNNING, *results, *REQUEST, *IDLE]
    assert [each["tool_use_id"] for each in only(events, "agent.tool_result")] == [first["id"], second["id"]]


@pytest.mark.documented
def test_only_what_asks_can_be_confirmed(converse: Converse) -> None:
    """facts 9.4: a confirmation of a use that was allowed is a 400."""
    session = converse(tools=[{"type": "agent_toolset_20260401"}])
    use = one(session.turn("SCRIPT: bash true | text done"), "agent.tool_use")
    with pytest.raises(anthropic.BadRequestError):
        session.send(confirm(use, "allow"))
    with pytest.raises(anthropic.BadRequestError):
        session.send(confirm({"id": "sevt_011CZkZAtmR3yMPDzynEDxu7"}, "allow"))


@pytest.mark.validated
def test_deny_message_only_with_deny(converse: Converse) -> None:
    """facts 9.4: `deny_message` beside `allow` is a 400, and the call still waits."""
    session, _, (use,) = asked(converse, "bash echo hi | text done")
    with pytest.raises(anthropic.BadRequestError):
        session.send(confirm(use, "allow", deny_message="but"))
    session.send(confirm(use, "allow"))
    assert one(session.read_until("session.status_idle"), "agent.message")["content"][0]["text"] == "done"


@pytest.mark.documented
def test_a_disabled_tool_is_denied_without_a_pause(converse: Converse) -> None:
    """facts 8.7, 9.4: `deny` without `evaluation`; the model is told and the turn goes on."""
    disabled = {"type": "agent_toolset_20260401", "configs": [{"name": "write", "enabled": False}]}
    session = converse(tools=[disabled])
    events = session.turn('SCRIPT: tool write {"file_path": "/workspace/a", "content": "b"} | text done')
    use, result = one(events, "agent.tool_use"), one(events, "agent.tool_result")
    assert use["evaluated_permission"] == "deny"
    assert "evaluation" not in use
    text = "Permission to use write has been denied."
    assert (result["is_error"], result["content"]) == (True, [{"type": "text", "text": text}])
    assert one(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}


@pytest.mark.validated
def test_evaluation(converse: Converse) -> None:
    """facts 8.7: the policy that judged a call is named beside the verdict."""
    _, _, (use,) = asked(converse, "bash true | text done")
    assert use["evaluation"] == {"type": "always_ask"}
    free = converse(tools=[{"type": "agent_toolset_20260401"}]).turn("SCRIPT: bash true | text done")
    use = one(free, "agent.tool_use")
    assert (use["evaluated_permission"], use["evaluation"]) == ("allow", {"type": "always_allow"})


@pytest.mark.ours_only
def test_a_message_while_it_waits_is_held(converse: Converse) -> None:
    """A message sent while calls wait does not start a turn; it is read once they are answered."""
    session, _, (use,) = asked(converse, "bash echo hi | text done")
    waiting = session.say("are you there?")
    assert session.status() == "idle"
    session.send(confirm(use, "allow"))
    events = session.read_until("session.status_idle")
    assert waiting["id"] in [event["id"] for event in only(events, "user.message")]
