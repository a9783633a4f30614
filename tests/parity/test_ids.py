"""Ids and times (facts 3)."""

import re

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse

pytestmark = pytest.mark.validated

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def assert_id(value: str, prefix: str) -> None:
    assert re.fullmatch(rf"{prefix}_01[{ALPHABET}]{{22}}", value), value


def test_ids(client: Anthropic, http: httpx2.Client, agent_id: str, environment_id: str) -> None:
    """facts 3.1: a prefix and 24 characters that begin with 01."""
    assert_id(agent_id, "agent")
    assert_id(environment_id, "env")
    session = client.beta.sessions.create(agent=agent_id, environment_id=environment_id)
    assert_id(session.id, "sesn")
    (thread,) = client.beta.sessions.threads.list(session.id)
    assert_id(thread.id, "sthr")
    assert_id(http.get("/v1/agents").headers["request-id"], "req")


def test_event_ids(converse: Converse) -> None:
    """facts 3.1, 3.3: all events are `sevt_`, a tool use too."""
    events = converse(tools=[{"type": "agent_toolset_20260401"}]).turn("SCRIPT: bash true | text done")
    assert len({event["id"] for event in events}) == len(events)
    for event in events:
        assert_id(event["id"], "sevt")


def test_times(http: httpx2.Client, agent_id: str, environment_id: str) -> None:
    """facts 3.4: RFC 3339 in UTC with Z and microseconds."""
    session = http.post("/v1/sessions", json={"agent": agent_id, "environment_id": environment_id}).json()
    agent = http.get(f"/v1/agents/{agent_id}").json()
    environment = http.get(f"/v1/environments/{environment_id}").json()
    for resource in (session, agent, environment):
        for key in ("created_at", "updated_at"):
            assert TIME.fullmatch(resource[key]), (key, resource[key])
        assert resource["archived_at"] is None


def test_ids_sort_as_they_were_made(http: httpx2.Client) -> None:
    """facts 4.5: a newest-first list is in the order of making."""
    made = [http.post("/v1/environments", json={"name": f"{n}"}).json()["id"] for n in range(3)]
    listed = [item["id"] for item in http.get("/v1/environments?limit=3").json()["data"]]
    assert listed == made[::-1]
