"""Images and documents that messages name by a file's id (facts 13; the page on files)."""

import base64
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conversation import Conversation
from .test_errors import refused
from .test_gates import answered
from .test_upstream import Start, asked, provider, start, upstream

__all__ = ["provider", "start", "upstream"]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4 planted"


def uploaded(session: Conversation, name: str, data: bytes, kind: str) -> str:
    return session.client.beta.files.upload(file=(name, data, kind)).id


def sent(provider: str, session: Conversation) -> list[dict[str, Any]]:
    """The blocks of the last request's first message."""
    return asked(provider, session)[-1]["body"]["messages"][0]["content"]


@pytest.mark.documented
def test_they_reach_the_model(start: Start, provider: str) -> None:
    """As bytes or text; the log keeps the id. A file that is deleted later is said to be gone."""
    session = start()
    image = uploaded(session, "dot.png", PNG, "image/png")
    pdf = uploaded(session, "paper.pdf", PDF, "application/pdf")
    text = uploaded(session, "notes.md", b"hello", "text/markdown")
    blocks = [
        {"type": "image", "source": {"type": "file", "file_id": image}},
        {"type": "document", "source": {"type": "file", "file_id": pdf}, "title": "Paper"},
        {"type": "document", "source": {"type": "file", "file_id": text}},
        {"type": "text", "text": f"SCRIPT: text seen #id={session.id}.0"},
    ]
    session.send({"type": "user.message", "content": blocks})
    events = session.read_until("session.status_idle")
    (said,) = [event for event in events if event["type"] == "user.message"]
    assert [block.get("source") for block in said["content"][:3]] == [block["source"] for block in blocks[:3]]
    found = sent(provider, session)
    assert found[0]["source"] == {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    assert found[1]["source"]["data"] == base64.b64encode(PDF).decode()
    assert found[1]["title"] == "Paper"
    assert found[2]["source"] == {"type": "text", "media_type": "text/plain", "data": "hello"}


@pytest.mark.ours_only
def test_a_file_that_is_gone(start: Start, provider: str) -> None:
    """The session goes on: the model is told in the block's place."""
    session = start()
    file_id = uploaded(session, "notes.md", b"hello", "text/markdown")
    source = {"type": "document", "source": {"type": "file", "file_id": file_id}}
    words = {"type": "text", "text": f"SCRIPT: text seen #id={session.id}.0"}
    session.send({"type": "user.message", "content": [source, words]})
    session.read_until("session.status_idle")
    assert sent(provider, session)[0]["source"]["data"] == "hello"
    session.client.beta.files.delete(file_id)
    session.turn("SCRIPT: text again")
    assert file_id in sent(provider, session)[0]["text"]


@pytest.mark.documented
def test_what_cannot_be_content(http: httpx2.Client, client: Anthropic, agent_id: str, environment_id: str) -> None:
    """A file that is not there, or of another kind: the request is refused, and names the place."""
    text = client.beta.files.upload(file=("a.txt", b"x", "text/plain")).id
    zipped = client.beta.files.upload(file=("a.zip", b"x", "application/zip")).id

    def create(kind: str, file_id: str) -> httpx2.Response:
        content = [{"type": kind, "source": {"type": "file", "file_id": file_id}}]
        initial = [{"type": "user.message", "content": content}]
        body = {"agent": agent_id, "environment_id": environment_id, "initial_events": initial}
        return http.post("/v1/sessions", json=body)

    assert "initial_events.0.content.0.source.file_id" in refused(create("image", text))
    assert "application/zip" in refused(create("document", zipped))
    assert answered(create("document", "file_011CNha8iCJcU1wXNR6q4V8w"))[0] == 404
