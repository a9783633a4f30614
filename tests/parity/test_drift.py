"""What is answered has exactly the fields that the official SDK's models have, so that a new release is noticed."""

from typing import Any, get_args

import httpx2
import pytest
from anthropic import BaseModel
from anthropic.types.beta import (
    BetaEnvironment,
    BetaManagedAgentsAgent,
    BetaManagedAgentsSession,
    BetaManagedAgentsSessionAgent,
    BetaManagedAgentsSessionStats,
    BetaManagedAgentsSessionUsage,
)
from anthropic.types.beta.sessions import (
    BetaManagedAgentsSessionEvent,
    BetaManagedAgentsSessionThread,
    BetaManagedAgentsSessionThreadStats,
    BetaManagedAgentsSessionThreadUsage,
)

from .conftest import Converse
from .conversation import only

pytestmark = pytest.mark.documented

RECORDED = {BetaEnvironment: {"state"}}
"""On the reference's wire, and not in the SDK's models."""

OPTIONAL = {
    "agent.tool_use": {"evaluation"},
    "session.updated": {"agent", "metadata", "title", "budget"},
}
"""Left out when there is nothing to say."""


def fields(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def event_models() -> dict[str, type[BaseModel]]:
    """The SDK's model of each event type."""
    union = get_args(BetaManagedAgentsSessionEvent)[0]
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}


@pytest.fixture
def lived(converse: Converse, http: httpx2.Client) -> dict[str, Any]:
    """A session with many kinds of events: the bodies it was answered with."""
    asking = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    custom = {"type": "custom", "name": "ask", "description": "Asks.", "input_schema": {"type": "object"}}
    session = converse(tools=[asking, custom])
    http.post(f"/v1/sessions/{session.id}", json={"title": "lived"}).raise_for_status()
    session.read_until("session.updated")
    events = session.turn("SCRIPT: {status=529} think hm && say calling && bash true && tool ask {} | text done")
    (use,), (ask,) = only(events, "agent.tool_use"), only(events, "agent.custom_tool_use")
    session.send({"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "deny"})
    session.read_until("session.status_idle")
    session.send({"type": "user.custom_tool_result", "custom_tool_use_id": ask["id"], "content": []})
    session.read_until("session.status_idle")
    session.say("SCRIPT: {ttft=30} text never")
    session.read_until("span.model_request_start")
    session.send({"type": "user.interrupt"})
    session.read_until("session.status_idle")
    session.send({"type": "system.message", "content": [{"type": "text", "text": "be brief"}]})
    session.read_until("system.message")
    path = f"/v1/sessions/{session.id}"
    return {
        "session": http.get(path).json(),
        "thread": http.get(f"{path}/threads").json()["data"][0],
        "events": http.get(f"{path}/events").json()["data"],
    }


def test_resources(lived: dict[str, Any], http: httpx2.Client) -> None:
    """Sessions, threads, agents and environments, and what they hold."""
    session, thread = lived["session"], lived["thread"]
    agent = http.get(f"/v1/agents/{session['agent']['id']}").json()
    environment = http.get(f"/v1/environments/{session['environment_id']}").json()
    pairs = [
        (session, BetaManagedAgentsSession),
        (session["agent"], BetaManagedAgentsSessionAgent),
        (session["stats"], BetaManagedAgentsSessionStats),
        (session["usage"], BetaManagedAgentsSessionUsage),
        (thread, BetaManagedAgentsSessionThread),
        (thread["stats"], BetaManagedAgentsSessionThreadStats),
        (thread["usage"], BetaManagedAgentsSessionThreadUsage),
        (agent, BetaManagedAgentsAgent),
        (environment, BetaEnvironment),
    ]
    for body, model in pairs:
        assert set(body) - RECORDED.get(model, set()) == fields(model), model.__name__


def test_events(lived: dict[str, Any]) -> None:
    """Every event has its model's fields; only what is optional may be missing."""
    models = event_models()
    for event in lived["events"]:
        known = fields(models[event["type"]])
        assert set(event) <= known, event["type"]
        assert known - set(event) <= OPTIONAL.get(event["type"], set()), event["type"]


def test_enough_kinds_were_seen(lived: dict[str, Any]) -> None:
    """The session above has every kind of event that this version can produce without a compaction."""
    seen = {event["type"] for event in lived["events"]}
    later = ("agent.mcp", "agent.thread", "workflow_run", "span.outcome", "user.define", "user.tool_result")
    never = {
        "session.status_terminated", "session.thread_status_terminated", "session.thread_created", "session.deleted",
    }  # fmt: skip
    assert {kind for kind in event_models() if not kind.startswith(later)} - never - seen == set()
