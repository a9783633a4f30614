"""What is sent and how it comes back (facts 8)."""

from typing import Any

import httpx2
import pytest

from .conftest import Converse
from .conversation import TOOLSET, message, one, only
from .test_errors import refused

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.validated
def test_message_echo(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.1, 8.2, 8.4: id, type, content and a null `processed_at`; the list has the same event with a time."""
    session = converse()
    sent = http.post(f"/v1/sessions/{session.id}/events", json={"events": [message("hello")]}).json()
    assert set(sent) == {"data"}
    (echo,) = sent["data"]
    assert echo == {"id": echo["id"], **message("hello"), "processed_at": None}
    session.read_until("session.status_idle")
    listed = one(http.get(f"/v1/sessions/{session.id}/events").json()["data"], "user.message")
    assert listed == {**echo, "processed_at": listed["processed_at"]}
    assert listed["processed_at"] is not None


@pytest.mark.validated
def test_echoes_of_answers(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.2, 8.4: what confirmations and custom results add to what was sent, and when they are processed."""
    asking = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    custom = {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object"}}
    session = converse(tools=[asking, custom])
    events = session.turn("SCRIPT: bash true && tool ask {} | text done")
    confirmation = {
        "type": "user.tool_confirmation", "tool_use_id": one(events, "agent.tool_use")["id"], "result": "allow",
    }  # fmt: skip
    result = {
        "type": "user.custom_tool_result", "custom_tool_use_id": one(events, "agent.custom_tool_use")["id"],
        "content": [{"type": "text", "text": "yes"}],
    }  # fmt: skip
    path = f"/v1/sessions/{session.id}/events"
    first, second = http.post(path, json={"events": [confirmation, result]}).json()["data"]
    assert first.pop("id") != second.pop("id")
    assert first == {**confirmation, "deny_message": None, "session_thread_id": None, "processed_at": None}
    assert second.pop("processed_at") is not None
    assert second == {**result, "is_error": False, "session_thread_id": None}


@pytest.mark.validated
def test_spans(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.11: a start has nothing but its id and time; an end names it and what was used."""
    session = converse()
    session.turn("SCRIPT: text done")
    events = http.get(f"/v1/sessions/{session.id}/events").json()["data"]
    start, end = one(events, "span.model_request_start"), one(events, "span.model_request_end")
    assert set(start) == {"id", "type", "processed_at"}
    assert (end["model_request_start_id"], end["is_error"]) == (start["id"], False)
    keys = {"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "speed"}
    assert set(end["model_usage"]) == keys
    assert end["model_usage"]["speed"] is None


@pytest.mark.validated
def test_thread_status(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.12: thread events name the agent and the thread; idle ones say why they stopped."""
    session = converse(name="narrator")
    session.turn("SCRIPT: text done")
    events = http.get(f"/v1/sessions/{session.id}/events").json()["data"]
    running, idle = (one(events, f"session.thread_status_{kind}") for kind in ("running", "idle"))
    assert running["agent_name"] == idle["agent_name"] == "narrator"
    assert running["session_thread_id"] == idle["session_thread_id"]
    assert (idle["stop_reason"], idle["stop_details"]) == ({"type": "end_turn"}, None)


@pytest.mark.validated
def test_thinking_is_a_marker(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.6: `agent.thinking` has no content."""
    session = converse()
    session.turn("SCRIPT: think secret && text done")
    thinking = one(http.get(f"/v1/sessions/{session.id}/events").json()["data"], "agent.thinking")
    assert set(thinking) == {"id", "type", "processed_at"}


@pytest.mark.validated
def test_tool_events(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.7, 8.8: a use and its result."""
    session = converse(tools=[TOOLSET])
    session.turn("SCRIPT: bash echo hi | text done")
    events = http.get(f"/v1/sessions/{session.id}/events").json()["data"]
    use, result = one(events, "agent.tool_use"), one(events, "agent.tool_result")
    assert (use["name"], use["input"], use["session_thread_id"]) == ("bash", {"command": "echo hi"}, None)
    assert (result["tool_use_id"], result["is_error"]) == (use["id"], False)
    assert result["content"] == [{"type": "text", "text": "hi\n"}]


@pytest.mark.documented
@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}, "title": "A"},
    ],
)
def test_blocks(converse: Converse, block: dict[str, Any]) -> None:
    """facts 8.17: images and documents are taken and listed as sent."""
    session = converse()
    session.send({"type": "user.message", "content": [block, {"type": "text", "text": "SCRIPT: text seen"}]})
    listed = one(session.read_until("session.status_idle"), "user.message")
    assert block.items() <= listed["content"][0].items()


@pytest.mark.documented
@pytest.mark.parametrize(
    "event",
    [
        {"type": "user.message", "content": []},
        {"type": "user.message", "content": [{"type": "text", "text": ""}]},
        {"type": "user.message", "content": [{"type": "redacted"}]},
        {"type": "user.message", "content": "words"},
        {"type": "user.message"},
        {"type": "user.message", "content": [{"type": "text", "text": "a"}], "id": "sevt_01"},
        {"type": "agent.message", "content": [{"type": "text", "text": "a"}]},
        {"type": "session.status_idle"},
        {"type": "user.tool_confirmation", "tool_use_id": "sevt_011CZkZAtmR3yMPDzynEDxu7", "result": "maybe"},
        {},
    ],
)
def test_what_cannot_be_sent(converse: Converse, http: httpx2.Client, event: dict[str, Any]) -> None:
    """facts 8.17, 2.7: refused, and nothing beside it is taken."""
    session = converse()
    refused(http.post(f"/v1/sessions/{session.id}/events", json={"events": [message("hello"), event]}))
    assert session.listed() == []


@pytest.mark.documented
def test_something_must_be_sent(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.1: an empty list of events is refused."""
    refused(http.post(f"/v1/sessions/{converse().id}/events", json={"events": []}))


@pytest.mark.documented
def test_system_message(converse: Converse) -> None:
    """facts 8.19: it accompanies a message, last in the list; alone it waits for the next one when idle."""
    session = converse()
    system = {"type": "system.message", "content": [{"type": "text", "text": "be brief"}]}
    (_, echo) = session.send(message("SCRIPT: text done"), system)
    session.read_until("session.status_idle")
    assert one(session.listed(), "system.message")["id"] == echo["id"]


@pytest.mark.documented
def test_system_message_has_its_place(converse: Converse, http: httpx2.Client) -> None:
    """facts 8.19: not before another event, and once in a request."""
    system = {"type": "system.message", "content": [{"type": "text", "text": "be brief"}]}
    session = converse()
    for events in ([system, message("hello")], [message("hello"), system, system]):
        refused(http.post(f"/v1/sessions/{session.id}/events", json={"events": events}))


@pytest.mark.documented
def test_idempotency_key_has_no_effect(converse: Converse, http: httpx2.Client) -> None:
    """facts 1.7: the same key twice is two messages."""
    session = converse()
    for _ in range(2):
        body = {"events": [message("SCRIPT: text done")]}
        http.post(f"/v1/sessions/{session.id}/events", json=body, headers={"idempotency-key": "same"})
    session.read(
        lambda event: event["type"] == "session.status_idle" and len(only(session.streamed, "user.message")) == 2
    )
    assert len(only(session.listed(), "user.message")) == 2
