"""A session's threads; in this version the primary one (facts 21.1)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import types
from .test_errors import refused
from .test_gates import answered

pytestmark = pytest.mark.documented

UNKNOWN = "sthr_011CZkZAtmR3yMPDzynEDxu7"
SESSION_ONLY = ("session.status_running", "session.status_idle", "session.usage")


def primary(http: httpx2.Client, session_id: str) -> dict[str, Any]:
    (thread,) = http.get(f"/v1/sessions/{session_id}/threads").json()["data"]
    return thread


def test_shape(converse: Converse, http: httpx2.Client) -> None:
    """facts 21.1: the primary thread of a session that has not run."""
    session = converse()
    thread = primary(http, session.id)
    made = http.get(f"/v1/sessions/{session.id}").json()
    agent = {key: value for key, value in made["agent"].items() if key in thread["agent"]}
    assert thread["agent"] == agent
    assert "multiagent" not in agent
    rest = {key: thread[key] for key in thread if key not in ("id", "agent", "updated_at")}
    assert rest == {
        "type": "session_thread", "session_id": session.id, "parent_thread_id": None, "status": "idle",
        "stats": None, "usage": None, "workflow_run_id": None, "created_at": made["created_at"], "archived_at": None,
    }  # fmt: skip


def test_after_a_turn(converse: Converse, http: httpx2.Client) -> None:
    """facts 21.1: stats from its first transition, usage from its first idle; the session's numbers."""
    session = converse()
    session.say("SCRIPT: {ttft=1} text done")
    session.read_until("span.model_request_start")
    running = primary(http, session.id)
    assert (running["status"], running["usage"]) == ("running", None)
    assert set(running["stats"]) == {"active_seconds", "duration_seconds", "startup_seconds"}
    session.read_until("session.status_idle")
    thread, whole = primary(http, session.id), http.get(f"/v1/sessions/{session.id}").json()
    assert thread["status"] == "idle"
    assert thread["usage"]["output_tokens"] == whole["usage"]["output_tokens"] > 0
    assert http.get(f"/v1/sessions/{session.id}/threads/{thread['id']}").json()["usage"] == thread["usage"]


def test_events(converse: Converse, http: httpx2.Client) -> None:
    """facts 10.1: the thread's list has what belongs to it, in the order of the session's."""
    session = converse()
    events = session.turn("SCRIPT: text done")
    path = f"/v1/sessions/{session.id}/threads/{primary(http, session.id)['id']}/events"
    own = [event for event in events if event["type"] not in SESSION_ONLY]
    assert http.get(path).json() == {"data": own, "next_page": None}
    first = http.get(path, params={"limit": 2}).json()
    rest = http.get(path, params={"page": first["next_page"]}).json()
    assert first["data"] + rest["data"] == own


def test_stream(converse: Converse, client: Anthropic, http: httpx2.Client) -> None:
    """facts 10.1: the thread's stream shows the same as its list."""
    session = converse()
    thread = primary(http, session.id)["id"]
    with client.beta.sessions.threads.events.stream(thread, session_id=session.id, timeout=10) as stream:
        events = session.turn("SCRIPT: text done")
        client.beta.sessions.archive(session.id)
        seen = [event.to_dict(mode="json") for event in stream]
    assert [kind for kind in types(events) if kind not in SESSION_ONLY] == types(seen)


def test_official_client(converse: Converse, client: Anthropic) -> None:
    """facts 21.1: list, retrieve and list events through the SDK's strict models."""
    session = converse()
    session.turn("SCRIPT: text done")
    (listed,) = client.beta.sessions.threads.list(session.id)
    assert client.beta.sessions.threads.retrieve(listed.id, session_id=session.id).id == listed.id
    assert len(list(client.beta.sessions.threads.events.list(listed.id, session_id=session.id))) > 0


def test_statuses(converse: Converse, http: httpx2.Client) -> None:
    """facts 4.5: the list can be filtered by status."""
    path = f"/v1/sessions/{converse().id}/threads"
    assert len(http.get(f"{path}?statuses[]=idle").json()["data"]) == 1
    assert http.get(f"{path}?statuses[]=running&statuses[]=terminated").json()["data"] == []
    refused(http.get(f"{path}?statuses[]=asleep"))


def test_unknown(converse: Converse, http: httpx2.Client) -> None:
    """facts 2.2: a thread that is not the session's is a 404."""
    mine, other = converse(), converse()
    foreign = primary(http, other.id)["id"]
    for thread in (UNKNOWN, foreign):
        for path in ("", "/events", "/stream"):
            response = http.get(f"/v1/sessions/{mine.id}/threads/{thread}{path}")
            assert answered(response)[:2] == (404, "not_found_error")


def test_terminated_with_its_session(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.7: an archived session's thread is over too."""
    session = converse()
    http.post(f"/v1/sessions/{session.id}/archive").raise_for_status()
    thread = primary(http, session.id)
    assert thread["status"] == "terminated"
    assert thread["archived_at"] is not None


@pytest.mark.ours_only
def test_the_primary_thread_is_not_archived_alone(converse: Converse, http: httpx2.Client) -> None:
    """It ends with its session."""
    session = converse()
    refused(http.post(f"/v1/sessions/{session.id}/threads/{primary(http, session.id)['id']}/archive"))
