"""What a session takes over of its agent's multiagent configuration (facts 21.2; the pages on sessions and budgets)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError

from .conversation import listening, only
from .test_agents import change, make
from .test_budgets import MODEL, budget
from .test_errors import refused
from .test_rosters import ADVISOR, ANY, OFF, ON, SELF, coordinator, members
from .test_skills import TOOLSET, folder

pytestmark = pytest.mark.documented
DEFINITION = {
    "id", "type", "version", "name", "description", "system", "model", "tools", "mcp_servers", "skills",
    "execution_identity",
}  # fmt: skip
LOOKUP = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object", "properties": {}}}
SERVER = {"type": "url", "name": "git", "url": "https://mcp.example.com"}


def definition(agent: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    return {key: agent[key] for key in DEFINITION} | overrides


def start(http: httpx2.Client, environment_id: str, agent: Any, **fields: Any) -> dict[str, Any]:
    response = http.post("/v1/sessions", json={"agent": agent, "environment_id": environment_id, **fields})
    response.raise_for_status()
    return response.json()


def told(http: httpx2.Client, environment_id: str, agent: Any, **fields: Any) -> str:
    return refused(http.post("/v1/sessions", json={"agent": agent, "environment_id": environment_id, **fields}))


def overridden(agent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "agent_with_overrides", "id": agent["id"], **fields}


@pytest.fixture
def worker(http: httpx2.Client) -> dict[str, Any]:
    return make(http, name="worker", system="w", tools=[LOOKUP])


def test_whole_definitions(http: httpx2.Client, client: Anthropic, environment_id: str, worker: dict[str, Any]) -> None:
    """facts 21.2: of each agent at its pinned version, without a roster; the advisor as it is, last."""
    lead = make(http, multiagent=coordinator(ADVISOR, SELF, worker["id"]))
    change(http, worker, system="later")
    session = start(http, environment_id, lead["id"])
    assert session["agent"] == {
        **definition(lead),
        "multiagent": coordinator(definition(lead), definition(worker), ADVISOR),
    }
    assert client.beta.sessions.retrieve(session["id"]).to_dict(mode="json")["agent"] == session["agent"]
    (thread,) = client.beta.sessions.threads.list(session["id"])
    assert thread.to_dict(mode="json")["agent"] == definition(lead)


def test_both_lists_of_the_newer_type(http: httpx2.Client, environment_id: str, worker: dict[str, Any]) -> None:
    """facts 21.3: subagents and workflows each have their own."""
    advisor = {**ON, "model": "scripted"}
    subagents = {**ON, "inline_agents": OFF, "predefined_agents": [worker["id"]]}
    lead = make(http, multiagent=members(advisor=advisor, subagents=subagents))
    assert start(http, environment_id, lead["id"])["agent"]["multiagent"] == members(
        advisor=advisor,
        subagents={**subagents, "predefined_agents": [definition(worker)]},
        workflows=ANY,
    )
    change(http, lead, multiagent=members(subagents=OFF, workflows={**ON, "predefined_agents": [SELF, worker["id"]]}))
    second = http.get(f"/v1/agents/{lead['id']}").json()
    assert start(http, environment_id, lead["id"])["agent"]["multiagent"] == members(
        advisor=advisor,
        subagents=OFF,
        workflows={**ANY, "predefined_agents": [definition(second), definition(worker)]},
    )
    first = {"type": "agent", "id": lead["id"], "version": 1}
    assert start(http, environment_id, first)["agent"]["multiagent"]["workflows"] == ANY


def test_overrides_go_to_copies_only(http: httpx2.Client, environment_id: str, worker: dict[str, Any]) -> None:
    """An older version of the agent is no copy of it; ids and versions stay the base's."""
    lead = make(http, name="lead", system="s", tools=[LOOKUP])
    for multiagent in (
        coordinator(SELF, worker["id"]),
        members(workflows={**ON, "predefined_agents": [worker["id"], SELF]}),
    ):
        agent = change(http, lead, multiagent=multiagent)
        changed = {"system": "x", "tools": [], "mcp_servers": [], "skills": []}
        session = start(http, environment_id, overridden(agent, **changed, model="scripted"))
        snapshot = session["agent"]
        copy = definition(agent, **changed)
        assert {key: snapshot[key] for key in DEFINITION} == copy
        shown = snapshot["multiagent"]
        entries = shown["agents"] if "agents" in shown else shown["workflows"]["predefined_agents"]
        assert copy in entries
        assert definition(worker) in entries
        assert len(entries) == 2
    older = change(http, agent, multiagent=coordinator({"type": "agent", "id": lead["id"], "version": 1}))
    (entry,) = start(http, environment_id, overridden(older, system="x"))["agent"]["multiagent"]["agents"]
    assert entry == definition(lead)


def test_updates_go_to_copies_only(
    http: httpx2.Client, client: Anthropic, environment_id: str, worker: dict[str, Any]
) -> None:
    """facts 7.12: tools and servers of the coordinator; `session.updated` has its whole snapshot."""
    lead = make(http, multiagent=coordinator(worker["id"], SELF))
    session = start(http, environment_id, lead["id"])
    tools = [{"type": "mcp_toolset", "mcp_server_name": "git"}, LOOKUP]
    with listening(client, session["id"]) as talk:
        updated = client.beta.sessions.update(session["id"], agent={"tools": tools, "mcp_servers": [SERVER]})
        (event,) = only(talk.read_until("session.updated"), "session.updated")
    snapshot = updated.to_dict(mode="json")["agent"]
    assert [each["type"] for each in snapshot["tools"]] == ["mcp_toolset", "custom"]
    copy = definition(lead, tools=snapshot["tools"], mcp_servers=[SERVER])
    assert snapshot == event["agent"] == {**copy, "multiagent": coordinator(definition(worker), copy)}


def test_archived_members(http: httpx2.Client, environment_id: str, worker: dict[str, Any]) -> None:
    """New sessions cannot have an archived agent; those that there are go on."""
    lead = make(http, multiagent=members(subagents={**ON, "predefined_agents": [worker["id"]]}))
    session = start(http, environment_id, lead["id"])
    http.post(f"/v1/agents/{worker['id']}/archive")
    where = "agent.multiagent.subagents.predefined_agents.0"
    text = f"{where}: agent {worker['id']} is archived and cannot be used to create a session"
    assert told(http, environment_id, lead["id"]) == text
    assert http.get(f"/v1/sessions/{session['id']}").json()["agent"] == session["agent"]


def test_geography_of_overrides(http: httpx2.Client, environment_id: str) -> None:
    """A model that is overridden has its own pin, or none; that of the others must be equal."""
    us = {"id": "scripted", "inference_geo": "us"}
    worker = make(http, model=us)
    lead = make(http, model=us, multiagent=coordinator(SELF, worker["id"]))
    text = "agent.multiagent.agents.1: model.inference_geo must be the same for all agents or unset for all; "
    assert told(http, environment_id, overridden(lead, model="scripted")).startswith(text)
    assert told(http, environment_id, overridden(lead, model={**us, "inference_geo": "eu"})).startswith(text)
    session = start(http, environment_id, overridden(lead, model=us, system="x"))
    assert session["agent"]["multiagent"]["agents"][0]["model"]["inference_geo"] == "us"
    alone = make(http, model=us, multiagent=coordinator(SELF))
    assert "inference_geo" not in start(http, environment_id, overridden(alone, model="scripted"))["agent"]["model"]


@pytest.mark.parametrize("place", ["coordinator", "worker", "advisor"])
def test_budgets_need_all_prices(http: httpx2.Client, environment_id: str, place: str) -> None:
    """The page on budgets: of each agent's model and the advisor's."""
    models = dict.fromkeys(("coordinator", "worker", "advisor"), MODEL)
    for each in ({}, {place: "scripted"}):
        named = models | each
        worker = make(http, model=named["worker"])
        roster = [worker["id"], {"type": "advisor", "model": named["advisor"]}]
        lead = make(http, model=named["coordinator"], multiagent=coordinator(*roster))
        body = {"agent": lead["id"], "environment_id": environment_id, "budget": budget(100)}
        response = http.post("/v1/sessions", json=body)
        if not each:
            assert response.json()["budget"] == budget(100)
            continue
        assert refused(response) == "budget: no list price is available for the model scripted"
        assert response.json()["error"]["details"] == {"error_code": "model_not_budgetable"}


def test_skills_of_all_agents(http: httpx2.Client, client: Anthropic, environment_id: str) -> None:
    """facts 14.4, 14.6: each agent's must be there, and it must be able to read them."""
    skill = client.skills.create(files=folder())
    mine = {"type": "custom", "skill_id": skill.id}
    worker = make(http, tools=[TOOLSET], skills=[mine, {"type": "anthropic", "skill_id": "pdf"}])
    lead = make(http, tools=[TOOLSET], skills=[mine], multiagent=coordinator(SELF, worker["id"]))
    agents = start(http, environment_id, lead["id"])["agent"]["multiagent"]["agents"]
    assert [[each["skill_id"] for each in agent["skills"]] for agent in agents] == [[skill.id], [skill.id, "pdf"]]
    blind = make(http, skills=[mine])
    unreadable = "agent.multiagent.agents.0: Missing required tool: skills require the read tool"
    assert told(http, environment_id, make(http, multiagent=coordinator(blind["id"]))["id"]).startswith(unreadable)
    client.skills.delete(skill.id)
    text = f'Could not resolve one or more skills: skill "{skill.id}" version "latest" not found'
    assert told(http, environment_id, lead["id"]) == text


def test_errors_reach_the_official_client(client: Anthropic, environment_id: str, http: httpx2.Client) -> None:
    worker = make(http)
    lead = make(http, multiagent=coordinator(worker["id"]))
    client.beta.agents.archive(worker["id"])
    with pytest.raises(BadRequestError, match=r"agent\.multiagent\.agents\.0"):
        client.beta.sessions.create(agent=lead["id"], environment_id=environment_id)


@pytest.mark.parametrize("newer", [False, True])
def test_shapes_of_the_official_client(client: Anthropic, environment_id: str, newer: bool) -> None:
    """The strict client takes agents, their versions and sessions as its types describe them."""
    worker = client.beta.agents.create(name="worker", model="scripted")
    roster: list[Any] = [SELF, worker.id, {"type": "agent", "id": worker.id, "version": 1}]
    multiagent: Any = coordinator(ADVISOR, *roster[:2])
    if newer:
        advisor, subagents = {**ON, "model": "scripted"}, {**ON, "predefined_agents": roster[:2]}
        multiagent = members(advisor=advisor, subagents=subagents, workflows={**ON, "predefined_agents": roster[2:]})
    lead = client.beta.agents.create(name="lead", model="scripted", multiagent=multiagent)
    changed = client.beta.agents.update(lead.id, system="s")
    assert [each.version for each in client.beta.agents.versions.list(lead.id)] == [2, 1]
    assert client.beta.agents.retrieve(lead.id) == changed
    assert client.beta.agents.retrieve(lead.id, version=1) == lead
    assert changed in list(client.beta.agents.list(limit=100))
    session = client.beta.sessions.create(agent=lead.id, environment_id=environment_id)
    assert session.agent.multiagent is not None
    assert session.agent.multiagent.type == multiagent["type"]
    assert [each.agent for each in client.beta.sessions.list(agent_id=lead.id)] == [session.agent]
    assert client.beta.agents.archive(lead.id).multiagent == changed.multiagent
