"""What of a session's log a dream reads, and how."""

from typing import Any

import pytest

from journeyman.runtime.transcripts import lines

AT = "2026-11-27T05:00:00.000000Z"


def told(type_: str, **fields: Any) -> list[str]:
    return list(lines({"id": "sevt_1", "type": type_, **fields, "processed_at": AT}))


def text(*said: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": each} for each in said]


@pytest.mark.parametrize("type_", ["user.message", "agent.message", "system.message", "agent.thread_message_sent"])
def test_what_was_said(type_: str) -> None:
    assert told(type_, content=text("one\n\ntwo", "three")) == [f"--- {type_} {AT}", "one", "", "two", "three"]


def test_calls_and_results() -> None:
    assert told("agent.tool_use", name="bash", input={"command": "ls\npwd"}) == [
        f"--- agent.tool_use {AT}",
        'bash {"command":"ls\\npwd"}',
    ]
    assert told("agent.tool_result", content=text("no"), is_error=True)[1:] == ["(failed)", "no"]
    assert told("user.custom_tool_result", content=[{"type": "image", "source": {}}])[1:] == ["[image]"]
    assert told("user.interrupt") == [f"--- user.interrupt {AT}"]
    assert told("session.error", error={"type": "unknown_error", "message": "broken"})[1:] == ["broken"]


def test_states_are_no_news() -> None:
    for type_ in ("session.status_idle", "span.model_request_end", "session.usage", "unreadable"):
        assert told(type_) == []


def test_long_lines_are_continued() -> None:
    """Tools cut lines of more than 2,000 characters."""
    first, second, third = told("user.message", content=text("x" * 1800 + "y" * 1800 + "z"))[1:]
    assert (first, second, third) == ("x" * 1800, "y" * 1800, "z")
