"""Events a client sends: the rules of each, and their echo."""

import json
from typing import Any

import pytest
from anthropic.types.beta.sessions import BetaManagedAgentsSendSessionEvents

from journeyman.wire import events

TEXT = {"type": "text", "text": "hi"}
MESSAGE = {"type": "user.message", "content": [TEXT]}
SYSTEM = {"type": "system.message", "content": [TEXT]}
RESULT = {"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_01"}
CONFIRMATION = {"type": "user.tool_confirmation", "tool_use_id": "sevt_01", "result": "allow"}
INTERRUPT = {"type": "user.interrupt"}
STAMP = "2026-05-28T22:58:34.155897Z"


def send(*sent: dict[str, Any]) -> list[Any]:
    return list(events.parse_send(json.dumps({"events": list(sent)}).encode()).events)


def echo(event: dict[str, Any], processed_at: str | None = None) -> dict[str, Any]:
    return events.echo(send(event)[0], "sevt_02", processed_at)


def test_message_echo_has_only_its_own_keys():
    """Recorded (facts 8.4)."""
    assert echo(MESSAGE) == {"id": "sevt_02", "type": "user.message", "content": [TEXT], "processed_at": None}


def test_confirmation_echo():
    """Recorded (facts 8.4); a thread that is sent along is ignored (facts 21.6)."""
    assert echo({**CONFIRMATION, "session_thread_id": "sthr_01"}) == {
        "id": "sevt_02",
        "type": "user.tool_confirmation",
        "tool_use_id": "sevt_01",
        "result": "allow",
        "deny_message": None,
        "session_thread_id": None,
        "processed_at": None,
    }


def test_denial_echo():
    assert echo({**CONFIRMATION, "result": "deny", "deny_message": "no"})["deny_message"] == "no"


def test_custom_result_echo():
    """Recorded (facts 8.4)."""
    assert echo({**RESULT, "content": [TEXT]}, STAMP) == {
        "id": "sevt_02",
        "type": "user.custom_tool_result",
        "custom_tool_use_id": "sevt_01",
        "content": [TEXT],
        "is_error": False,
        "session_thread_id": None,
        "processed_at": STAMP,
    }


def test_interrupt_keeps_its_thread():
    assert echo({**INTERRUPT, "session_thread_id": "sthr_01"})["session_thread_id"] == "sthr_01"


@pytest.mark.parametrize(
    "block",
    [
        TEXT,
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "x"},
            "title": "t",
            "context": None,
        },
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            "title": None,
            "context": None,
        },
    ],
)
def test_content_is_echoed_as_sent(block):
    assert echo({**MESSAGE, "content": [block]})["content"] == [block]


def test_document_keys_that_were_not_sent_are_null():
    source = {"type": "url", "url": "https://example.com/a.pdf"}
    block = echo({**MESSAGE, "content": [{"type": "document", "source": source}]})["content"][0]
    assert block == {"type": "document", "source": source, "title": None, "context": None}


def test_search_result_in_a_tool_result():
    """Facts 8.17: accepted in tool results only."""
    block = {
        "type": "search_result",
        "source": "https://example.com",
        "title": "t",
        "content": [TEXT],
        "citations": {"enabled": True},
    }
    assert echo({**RESULT, "content": [block]})["content"] == [block]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "redacted"}, '.type: "redacted" is not a valid value; expected one of document, image, text'),
        (
            {"type": "search_result"},
            '.type: "search_result" is not a valid value; expected one of document, image, text',
        ),
        ({"type": "text", "text": ""}, ".text: must not be empty"),
        (
            {"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}},
            ".source.url: must be an http or https URL",
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a@"}},
            ".source.data: not valid base64",
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "aGk="}},
            '.source.media_type: "image/bmp" is not a valid value;'
            " expected one of image/gif, image/jpeg, image/png, image/webp",
        ),
    ],
)
def test_content_that_is_refused(refused, block, message):
    """Facts 8.17."""
    body = {"events": [MESSAGE, {**MESSAGE, "content": [block]}]}
    assert refused(events.parse_send, body) == f"Failed to parse request: events[1].content[0]{message}"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ([], "Failed to parse request: events: must not be empty"),
        ([{**MESSAGE, "content": []}], "Failed to parse request: events[0].content: must not be empty"),
        ([{**MESSAGE, "content": "hi"}], "Failed to parse request: events[0].content: expected an array, got a string"),
        ([{**MESSAGE, "id": "x"}], 'Failed to parse request body: unknown field "id" in events[0]'),
        (
            [{**CONFIRMATION, "result": "maybe"}],
            'Failed to parse request: events[0].result: "maybe" is not a valid value; expected one of allow, deny',
        ),
        ([{**CONFIRMATION, "tool_use_id": "a b"}], "Failed to parse request: events[0].tool_use_id: not a valid ID"),
        (
            [MESSAGE, {**CONFIRMATION, "deny_message": "no"}],
            'events.1.deny_message: only allowed when result is "deny"',
        ),
        (
            [SYSTEM, MESSAGE],
            "events.0: system.message must be the last event, at most once in a request",
        ),
        ([MESSAGE, SYSTEM, SYSTEM], "events.1: system.message must be the last event, at most once in a request"),
        (
            [INTERRUPT, SYSTEM],
            "events.1: system.message must directly follow user.message, user.tool_result, user.custom_tool_result,"
            " or stand alone",
        ),
        (
            [{**SYSTEM, "content": [TEXT] * 1001}],
            "Failed to parse request: events[0].content: must have at most 1000 entries",
        ),
        (
            [{**SYSTEM, "content": [{"type": "image"}]}],
            'Failed to parse request: events[0].content[0].type: "image" is not a valid value; expected text',
        ),
    ],
)
def test_refused_events(refused, sent, message):
    assert refused(events.parse_send, {"events": sent}) == message


@pytest.mark.parametrize(
    "sent",
    [
        [SYSTEM],
        [MESSAGE, SYSTEM],
        [RESULT, {**SYSTEM, "content": [TEXT] * 1000}],
        [{**CONFIRMATION, "result": "deny", "deny_message": None}, CONFIRMATION],
        [INTERRUPT, MESSAGE, MESSAGE],
    ],
)
def test_accepted_events(sent):
    """Facts 8.19 and 9.4."""
    assert [event.type for event in send(*sent)] == [event["type"] for event in sent]


def test_client_reads_the_echo():
    sent = send(MESSAGE, INTERRUPT, CONFIRMATION, {**RESULT, "content": [TEXT]}, MESSAGE, SYSTEM)
    answer = {"data": [events.echo(event, f"sevt_{place}", STAMP) for place, event in enumerate(sent)]}
    read = BetaManagedAgentsSendSessionEvents.model_validate_json(json.dumps(answer), strict=True)
    assert json.loads(read.model_dump_json(exclude_unset=True)) == answer
    for event, out in zip(answer["data"], read.data or [], strict=True):
        assert set(event) <= set(type(out).model_fields)
