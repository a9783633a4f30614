"""Budgets of sessions (facts 7.13, 9.8; the page on budgets). Models have the names, so the prices, of real ones."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError

from .conversation import REQUEST, RUNNING, Conversation, listening, one, only, types
from .test_delegation import quoted
from .test_errors import refused
from .test_workflows import start

pytestmark = pytest.mark.documented
MODEL = "claude-opus-4-1"
LOOKUP: Any = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object"}}
PAUSED = ["session.thread_status_idle", "session.usage", "session.status_idle"]
LONG = "word " * 6_000
"""Some cents of input."""


def budget(cents: int) -> Any:
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


def session(client: Anthropic, environment_id: str, cents: int | None, **agent: Any) -> str:
    made = client.beta.agents.create(**{"name": "spender", "model": MODEL, "tools": [LOOKUP], **agent})
    limit: Any = {} if cents is None else {"budget": budget(cents)}
    return client.beta.sessions.create(agent=made.id, environment_id=environment_id, **limit).id


def stops(events: list[dict[str, Any]]) -> list[str]:
    return [event["stop_reason"]["type"] for event in events if event["type"].endswith("status_idle")]


def spend(talk: Conversation) -> list[dict[str, Any]]:
    """A turn whose first request costs more than a cent, and which asks for a second one."""
    talk.say(f"{LONG} SCRIPT: tool lookup {{}} | text done")
    events = talk.read_until("session.status_idle")
    (use,) = only(events, "agent.custom_tool_use")
    talk.send({"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": []})
    return talk.read_until("session.status_idle")


def test_pause_and_resumption(client: Anthropic, http: httpx2.Client, environment_id: str) -> None:
    """Paused before the next request, by three events; a higher budget resumes by itself, removal too."""
    made = session(client, environment_id, 1)
    with listening(client, made) as talk:
        events = spend(talk)
        assert "span.model_request_start" not in types(events)
        assert types(events)[-3:] == PAUSED
        assert stops(events) == ["budget_reached", "budget_reached"]
        (usage,) = only(events, "session.usage")
        assert usage["budget"] == budget(1)
        spent = int(usage["usage"]["list_cost"]["amount"])
        assert spent >= 1
        shown = client.beta.sessions.retrieve(made).to_dict(mode="json")
        assert (shown["status"], shown["budget"]) == ("idle", budget(1))
        # What starts work is refused, what settles it accepted; an interrupt changes nothing and is not listed.
        message = {"type": "user.message", "content": [{"type": "text", "text": "more"}]}
        told = refused(http.post(f"/v1/sessions/{made}/events", json={"events": [message]}))
        assert "user.tool_confirmation" in told and "user.interrupt" in told
        talk.send({"type": "user.interrupt"})
        with pytest.raises(BadRequestError, match="must be greater than the session's consumed list cost"):
            client.beta.sessions.update(made, budget=budget(1))
        client.beta.sessions.update(made, budget=budget(spent + 500))
        resumed = talk.read_until("session.status_idle")
        assert types(resumed) == ["session.updated", *RUNNING, *REQUEST, *PAUSED]
        assert resumed[0]["budget"] == budget(spent + 500)
        assert stops(resumed) == ["end_turn", "end_turn"]
        assert not only(talk.listed(), "user.interrupt")
        again = client.beta.sessions.update(made, budget=None)
        assert again.budget is None
        with pytest.raises(BadRequestError, match="budget"):
            client.beta.sessions.update(made, budget=budget(900))


def test_removal_resumes(client: Anthropic, environment_id: str) -> None:
    made = session(client, environment_id, 1)
    with listening(client, made) as talk:
        assert stops(spend(talk))[-1] == "budget_reached"
        client.beta.sessions.update(made, budget=None)
        resumed = talk.read_until("session.status_idle")
        assert (resumed[0]["type"], resumed[0]["budget"]) == ("session.updated", None)
        assert stops(resumed) == ["end_turn", "end_turn"]


def test_a_turn_that_ends_as_it_crosses_the_budget(client: Anthropic, environment_id: str) -> None:
    """Its thread has ended its turn, and the session is at its budget."""
    made = session(client, environment_id, 1)
    with listening(client, made) as talk:
        events = talk.turn(f"{LONG} SCRIPT: text done")
        assert stops(events) == ["end_turn", "budget_reached"]
        client.beta.sessions.update(made, budget=budget(1_000))
        talk.read_until("session.updated")
        assert stops(talk.turn("SCRIPT: text again")) == ["end_turn", "end_turn"]


def test_an_ask_outranks_the_budget(client: Anthropic, environment_id: str) -> None:
    made = session(client, environment_id, 1)
    with listening(client, made) as talk:
        talk.say(f"{LONG} SCRIPT: tool lookup {{}} | text done")
        assert stops(talk.read_until("session.status_idle")) == ["requires_action", "requires_action"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "limit", "max_list_cost": {"amount": "25.00", "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": "0", "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": "-5", "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": 5, "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": "5", "currency": "EUR"}},
    ],
)
def test_refused(http: httpx2.Client, agent_id: str, environment_id: str, wrong: dict[str, Any]) -> None:
    """The table of errors."""
    body = {"agent": agent_id, "environment_id": environment_id, "budget": wrong}
    assert "budget" in refused(http.post("/v1/sessions", json=body))


def test_models_and_sessions_without(client: Anthropic, environment_id: str, agent_id: str) -> None:
    """A model without a price has no budget; a session made without one gets none."""
    with pytest.raises(BadRequestError, match="no list price is available for the model scripted"):
        client.beta.sessions.create(agent=agent_id, environment_id=environment_id, budget=budget(5))
    made = session(client, environment_id, None)
    with pytest.raises(BadRequestError, match="budget"):
        client.beta.sessions.update(made, budget=budget(5))


def test_agents_defined_on_a_budget(client: Anthropic, environment_id: str) -> None:
    """An agent that a model defines for a task or in a plan has a model with a price, or is not made."""
    any_agents: Any = {
        "type": "multiagent_20261001",
        "subagents": {"type": "enabled"},
        "workflows": {"type": "enabled"},
    }
    made = session(client, environment_id, 1_000, multiagent=any_agents)
    unpriced = {"name": "poet", "model": "scripted", "tools": []}
    spawn = f"tool spawn_agent {quoted({'inline_agent': unpriced, 'task': 'SCRIPT: text never'})}"
    plan = f"""
try:
    return agent({unpriced}, "SCRIPT: text never")
except AgentError as error:
    return "refused: " + str(error)
"""
    with listening(client, made) as talk:
        events = talk.turn(f"SCRIPT: {spawn} && {start(plan)} | tool wait_for_workflows {{}} | text done")
        (spawned, *_) = only(events, "agent.tool_result")
        price = "no price is known for the model scripted, and the session has a budget"
        assert spawned["is_error"] and price in spawned["content"][0]["text"]
        assert [thread.parent_thread_id for thread in client.beta.sessions.threads.list(made)] == [None]
        assert one(events, "workflow_run.status_ended")["result"] == {"type": "completed"}
