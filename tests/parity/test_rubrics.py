"""Rubrics of outcomes in uploaded files (the page on outcomes), and what is refused of an outcome."""

import io
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import Event, one
from .test_errors import refused
from .test_outcomes import END, outcome, shown, verdict

pytestmark = pytest.mark.documented

MOST = 262_144


def uploaded(client: Anthropic, content: bytes, name: str = "rubric.md") -> str:
    return client.files.upload(file=(name, io.BytesIO(content), "application/octet-stream")).id


def graded_by(rubric: Any, **fields: Any) -> Event:
    return {"type": "user.define_outcome", "description": "Make it. SCRIPT: text done", "rubric": rubric, **fields}


def test_a_file_is_resolved_to_its_text(client: Anthropic, converse: Converse) -> None:
    """The echo has the text (SDK: "currently resolved to their text content"); the file may go afterwards."""
    content = "\ufeffÄlles gut. SCRIPT: " + verdict("satisfied", "by the file")
    file_id = uploaded(client, content.encode())
    talk = converse()
    (echo,) = talk.send(graded_by({"type": "file", "file_id": file_id}, max_iterations=20))
    assert echo["rubric"] == {"type": "text", "content": content.removeprefix("\ufeff")}
    assert echo["max_iterations"] == 20
    client.beta.files.delete(file_id)
    assert one(talk.read_until("session.status_idle"), END)["explanation"] == "by the file"


def test_a_file_in_initial_events(client: Anthropic, agent_id: str, environment_id: str) -> None:
    file_id = uploaded(client, b"SCRIPT: " + verdict("satisfied").encode())
    first: Any = graded_by({"type": "file", "file_id": file_id})
    made = client.beta.sessions.create(agent=agent_id, environment_id=environment_id, initial_events=[first])
    (echo,) = [each for each in client.beta.sessions.events.list(made.id) if each.type == "user.define_outcome"]
    assert echo.rubric.type == "text"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not a text in UTF-8"),
        (b"all\x00right", "is not a text in UTF-8"),
        (b"  \n ", "is empty"),
        ("ä".encode() * (MOST + 1), f"has more than {MOST} characters"),
        (b"x" * (8 * MOST), f"has more than {MOST} characters"),
        ("\U0001f600".encode() * (2 * MOST), f"has more than {MOST} characters"),
    ],
)
def test_files_that_are_no_rubrics(
    client: Anthropic, http: httpx2.Client, converse: Converse, content: bytes, problem: str
) -> None:
    """A 400 that names the field; nothing is defined."""
    file_id, talk = uploaded(client, content), converse()
    body = {"events": [graded_by({"type": "file", "file_id": file_id})]}
    told = refused(http.post(f"/v1/sessions/{talk.id}/events", json=body))
    assert told.startswith(f"events.0.rubric.file_id: {file_id} ")
    assert problem in told
    assert shown(talk) == []


def test_the_longest_rubrics(client: Anthropic, converse: Converse) -> None:
    """262,144 characters, in a file or not."""
    script = " SCRIPT: " + verdict("satisfied", "long")
    longest = "ä" * (MOST - len(script)) + script
    talk = converse()
    talk.send(graded_by({"type": "text", "content": longest}))
    assert one(talk.read_until("session.status_idle"), END)["result"] == "satisfied"
    talk.send(graded_by({"type": "file", "file_id": uploaded(client, longest.encode())}))
    assert one(talk.read_until("session.status_idle"), END)["result"] == "satisfied"


def test_a_file_that_is_not_there(
    client: Anthropic, http: httpx2.Client, agent_id: str, environment_id: str, converse: Converse
) -> None:
    """Never was, was deleted; at a session's beginning no session is made."""
    gone = uploaded(client, b"fine")
    client.beta.files.delete(gone)
    before = len(client.beta.sessions.list(agent_id=agent_id).data)
    for file_id in (gone, "file_011CNha8iCJcU1wXNR6q4V8w"):
        first = graded_by({"type": "file", "file_id": file_id})
        told = refused(http.post(f"/v1/sessions/{converse().id}/events", json={"events": [first]}))
        assert told.startswith(f"events.0.rubric.file_id: {file_id} is no file")
        body = {"agent": agent_id, "environment_id": environment_id, "initial_events": [first]}
        assert refused(http.post("/v1/sessions", json=body)).startswith("initial_events.0.rubric.file_id: ")
    assert len(client.beta.sessions.list(agent_id=agent_id).data) == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rubric": None}, "rubric"),
        ({"rubric": {"type": "text", "content": "x" * (MOST + 1)}}, "rubric"),
        ({"rubric": {"type": "text", "content": ""}}, "rubric"),
        ({"rubric": {"type": "url", "url": "https://example.com"}}, "rubric"),
        ({"description": ""}, "description"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"max_iterations": 21}, "max_iterations"),
        ({"outcome_id": "outc_mine"}, "outcome_id"),
    ],
)
def test_refused(http: httpx2.Client, converse: Converse, wrong: dict[str, Any], field: str) -> None:
    event = outcome("text no", verdict("satisfied")) | wrong
    talk = converse()
    told = refused(http.post(f"/v1/sessions/{talk.id}/events", json={"events": [event]}))
    assert "events.0" in told or "events[0]" in told
    assert field in told
    assert shown(talk) == []
