"""Multiagent configurations of agents (facts 21.2, 21.3; the page on multiagent orchestration; the SDK's types)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError

from .test_agents import UNKNOWN, change, make
from .test_errors import refused

pytestmark = pytest.mark.documented
SELF = {"type": "self"}
ADVISOR = {"type": "advisor", "model": "scripted"}
ON, OFF = {"type": "enabled"}, {"type": "disabled"}
ANY = {"type": "enabled", "inline_agents": ON, "predefined_agents": []}


def coordinator(*agents: Any) -> dict[str, Any]:
    return {"type": "coordinator", "agents": list(agents)}


def members(**parts: Any) -> dict[str, Any]:
    return {"type": "multiagent_20261001", **parts}


def agent(agent_id: str, version: int = 1) -> dict[str, Any]:
    return {"type": "agent", "id": agent_id, "version": version}


def told(http: httpx2.Client, multiagent: Any, **fields: Any) -> str:
    """Why no agent can be made with this."""
    body = {"name": "lead", "model": "scripted", "multiagent": multiagent, **fields}
    return refused(http.post("/v1/agents", json=body))


def told_of_update(http: httpx2.Client, agent: dict[str, Any], **fields: Any) -> str:
    return refused(http.post(f"/v1/agents/{agent['id']}", json=fields))


@pytest.fixture
def worker(http: httpx2.Client) -> dict[str, Any]:
    """An agent of two versions."""
    return change(http, make(http, name="worker", system="one"), system="two")


def test_a_coordinator_names_versions(http: httpx2.Client, worker: dict[str, Any], agent_id: str) -> None:
    """An id alone and a reference without a version mean the latest one now; the advisor is echoed last."""
    lead = make(http, multiagent=coordinator(ADVISOR, worker["id"], SELF, {"type": "agent", "id": agent_id}))
    entries = [agent(worker["id"], 2), agent(lead["id"], 1), agent(agent_id), ADVISOR]
    assert lead["multiagent"] == {"type": "coordinator", "agents": entries}
    assert http.get(f"/v1/agents/{lead['id']}").json() == lead
    assert lead in http.get("/v1/agents?limit=100").json()["data"]
    pinned = make(http, multiagent=coordinator(agent(worker["id"], 1)))
    assert pinned["multiagent"]["agents"] == [agent(worker["id"], 1)]


def test_a_roster_stays_pinned(http: httpx2.Client, worker: dict[str, Any]) -> None:
    """A later version of a member is not picked up before its coordinator is saved with a reference to it."""
    lead = make(http, multiagent=coordinator(worker["id"]))
    change(http, worker, system="three")
    other = change(http, lead, system="s")
    assert (other["version"], other["multiagent"]) == (2, lead["multiagent"])
    assert change(http, lead, multiagent=other["multiagent"]) == other
    again = change(http, lead, multiagent=coordinator(worker["id"]))
    assert (again["version"], again["multiagent"]["agents"]) == (3, [agent(worker["id"], 3)])
    assert change(http, lead, multiagent=coordinator(worker["id"])) == again


def test_self_is_the_version_that_has_it(http: httpx2.Client, worker: dict[str, Any]) -> None:
    """What a client reads and sends back changes nothing, though it is no longer called `self`."""
    lead = make(http, multiagent=coordinator(SELF, worker["id"]))
    second = change(http, lead, system="s")
    assert [entry["version"] for entry in second["multiagent"]["agents"]] == [2, 2]
    for entry in (SELF, agent(lead["id"], 2), lead["id"], {"type": "agent", "id": lead["id"]}):
        assert change(http, lead, multiagent=coordinator(entry, worker["id"])) == second
    versions = http.get(f"/v1/agents/{lead['id']}/versions").json()["data"]
    assert [each["multiagent"]["agents"][0] for each in versions] == [agent(lead["id"], 2), agent(lead["id"], 1)]


def test_an_older_version_of_itself(http: httpx2.Client) -> None:
    """It is an agent like others, one level deep."""
    lead = change(http, make(http, name="lead"), system="s")
    third = change(http, lead, multiagent=coordinator(agent(lead["id"], 1)))
    assert third["multiagent"]["agents"] == [agent(lead["id"], 1)]
    assert change(http, lead, system="t")["multiagent"]["agents"] == [agent(lead["id"], 1)]
    text = f"multiagent.agents.0: agent {lead['id']} has multiagent itself; only one level of agents is supported"
    assert told_of_update(http, lead, multiagent=coordinator(agent(lead["id"], 3))) == text


def test_replaced_and_cleared(http: httpx2.Client, client: Anthropic, worker: dict[str, Any], agent_id: str) -> None:
    """facts 5.9: a coordinator replaces whole, null clears, and a change of its order is a change."""
    lead = make(http, multiagent=coordinator(worker["id"], agent_id))
    assert change(http, lead, multiagent=coordinator(agent_id, worker["id"]))["version"] == 2
    assert change(http, lead, multiagent=coordinator(ADVISOR))["multiagent"] == coordinator(ADVISOR)
    cleared = client.beta.agents.update(lead["id"], multiagent=None)
    assert (cleared.version, cleared.multiagent) == (4, None)
    assert client.beta.agents.update(lead["id"], multiagent=None) == cleared
    assert change(http, lead, multiagent=None, system="s")["version"] == 5


@pytest.mark.parametrize(
    ("roster", "text"),
    [
        ([], "Failed to parse request: multiagent.agents: must not be empty"),
        ([f"agent_{n}" for n in range(21)], "Failed to parse request: multiagent.agents: must have at most 20 entries"),
        ([UNKNOWN], f"multiagent.agents.0: agent {UNKNOWN} not found"),
        ([ADVISOR, "nonsense"], "multiagent.agents.1: agent nonsense not found"),
        ([SELF, SELF], "multiagent.agents.1: duplicate entry; the agent itself is already in the list"),
        ([ADVISOR, SELF, ADVISOR], "multiagent.agents.2: duplicate entry; at most one advisor is allowed"),
        ([{"type": "advisor"}], "Failed to parse request: multiagent.agents[0].model: field is required"),
        (
            [{**ADVISOR, "max_uses": 1}],
            'Failed to parse request body: unknown field "max_uses" in multiagent.agents[0]',
        ),
        (
            [{**SELF, "id": "agent_0"}],
            'Failed to parse request body: unknown field "id" in multiagent.agents[0]',
        ),
        (
            [{"type": "agent", "id": "agent_0", "version": 0}],
            "Failed to parse request: multiagent.agents[0].version: must be at least 1",
        ),
        (
            [{"type": "team"}],
            'Failed to parse request: multiagent.agents[0].type: "team" is not a valid value; '
            "expected one of advisor, agent, self",
        ),
    ],
)
def test_rosters_that_are_refused(http: httpx2.Client, roster: list[Any], text: str) -> None:
    assert told(http, coordinator(*roster)) == text


def test_members_that_are_refused(http: httpx2.Client, worker: dict[str, Any], agent_id: str) -> None:
    """They must be distinct, exist at that version, not be archived, and have no roster themselves."""
    twice = coordinator(agent_id, worker["id"], ADVISOR, agent(worker["id"], 1))
    text = f"multiagent.agents.3: duplicate entry; agent {worker['id']} is already in the list"
    assert told(http, twice) == text
    assert told(http, coordinator(agent(worker["id"], 3))) == "multiagent.agents.0.version: 3 not found"
    lead = make(http, multiagent=coordinator(worker["id"]))
    nested = f"agent {lead['id']} has multiagent itself; only one level of agents is supported"
    assert told(http, coordinator(agent_id, lead["id"])) == f"multiagent.agents.1: {nested}"
    http.post(f"/v1/agents/{worker['id']}/archive")
    archived = f"agent {worker['id']} is archived"
    assert told(http, coordinator(worker["id"])) == f"multiagent.agents.0: {archived}"
    for name in ("subagents", "workflows"):
        where = f"multiagent.{name}.predefined_agents.0"
        assert told(http, members(**{name: {**ON, "predefined_agents": [lead["id"]]}})) == f"{where}: {nested}"
        assert told(http, members(**{name: {**ON, "predefined_agents": [worker["id"]]}})) == f"{where}: {archived}"


def test_a_member_that_changes_later(http: httpx2.Client, worker: dict[str, Any], agent_id: str) -> None:
    """Neither its archive nor a roster of its own undoes what is pinned, until that is sent again."""
    lead = make(http, multiagent=coordinator(worker["id"]))
    change(http, worker, multiagent=coordinator(agent_id))
    assert change(http, lead, system="s")["multiagent"] == lead["multiagent"]
    assert "only one level" in told_of_update(http, lead, multiagent=coordinator(worker["id"]))
    http.post(f"/v1/agents/{worker['id']}/archive")
    assert change(http, lead, system="t")["version"] == 3
    assert change(http, lead, multiagent=lead["multiagent"])["version"] == 3
    assert "is archived" in told_of_update(http, lead, multiagent=coordinator(agent(worker["id"], 1)))


def test_geography(http: httpx2.Client) -> None:
    """All pins are equal or none is set, whichever side changes."""

    def pinned(geo: str | None) -> dict[str, Any]:
        return {"id": "scripted", "inference_geo": geo}

    us, eu, free = (make(http, model=pinned(geo)) for geo in ("us", "eu", None))
    lead = make(http, model=pinned("us"), multiagent=coordinator(us["id"], SELF, ADVISOR))
    text = "multiagent.agents.{}: model.inference_geo must be the same for all agents or unset for all; it is {} here, "
    other = told_of_update(http, lead, multiagent=coordinator(us["id"], eu["id"]))
    assert other == text.format(1, '"eu"') + '"us" on the coordinator'
    assert told_of_update(http, lead, model="scripted") == text.format(0, '"us"') + "unset on the coordinator"
    assert told(http, coordinator(us["id"])) == text.format(0, '"us"') + "unset on the coordinator"
    assert make(http, multiagent=coordinator(free["id"]))["version"] == 1
    moved = change(http, lead, model=pinned("eu"), multiagent=coordinator(eu["id"]))
    assert moved["multiagent"]["agents"] == [agent(eu["id"])]


def test_the_name_of_the_advisor(http: httpx2.Client) -> None:
    """It is reserved where there is an advisor, for members and for copies of the agent."""
    named = make(http, name="anthropic.advisor")
    reserved = 'the name "anthropic.advisor" is reserved for the advisor'
    assert told(http, coordinator(ADVISOR, named["id"])) == f"multiagent.agents.0: {reserved}"
    assert told(http, coordinator(ADVISOR, SELF), name="anthropic.advisor") == f"multiagent.agents.0: {reserved}"
    lead = make(http, multiagent=coordinator(ADVISOR, SELF))
    assert told_of_update(http, lead, name="anthropic.advisor") == f"multiagent.agents.0: {reserved}"
    assert make(http, multiagent=coordinator(named["id"]))["version"] == 1
    both = members(advisor={**ON, "model": "scripted"}, workflows={**ON, "predefined_agents": [named["id"]]})
    assert told(http, both) == f"multiagent.workflows.predefined_agents.0: {reserved}"


def test_defaults(http: httpx2.Client, worker: dict[str, Any]) -> None:
    """facts 21.3: the advisor is off, subagents and workflows are on, with inline agents; null means the same."""
    default = members(advisor=OFF, subagents=ANY, workflows=ANY)
    assert make(http, multiagent=members())["multiagent"] == default
    assert make(http, multiagent=members(advisor=None, subagents=None, workflows=None))["multiagent"] == default
    nulls = {**ON, "inline_agents": None, "predefined_agents": None}
    assert make(http, multiagent=members(subagents=nulls, workflows=ON))["multiagent"] == default
    off = members(advisor=OFF, subagents=OFF, workflows=OFF)
    assert make(http, multiagent=off)["multiagent"] == off
    one = make(
        http,
        multiagent=members(
            advisor={**ON, "model": "scripted"},
            subagents={**ON, "inline_agents": OFF, "predefined_agents": [SELF, worker["id"]]},
            workflows={**ON, "predefined_agents": [agent(worker["id"], 1)]},
        ),
    )
    assert one["multiagent"] == members(
        advisor={**ON, "model": "scripted"},
        subagents={**ANY, "inline_agents": OFF, "predefined_agents": [agent(one["id"]), agent(worker["id"], 2)]},
        workflows={**ANY, "predefined_agents": [agent(worker["id"], 1)]},
    )


def test_merged_level_by_level(http: httpx2.Client, client: Anthropic, worker: dict[str, Any]) -> None:
    """SDK: omitted keeps, null takes the default, another type replaces the object, a list replaces the list."""
    kept = {**ANY, "inline_agents": OFF, "predefined_agents": [agent(worker["id"], 1)]}
    lead = make(http, multiagent=members(advisor={**ON, "model": "scripted"}, subagents=kept, workflows=OFF))
    assert client.beta.agents.update(lead["id"], multiagent=members()).version == 1

    def merged(**parts: Any) -> dict[str, Any]:
        return change(http, lead, multiagent=members(**parts))["multiagent"]

    first = merged(workflows=None)
    assert first == members(advisor={**ON, "model": "scripted"}, subagents=kept, workflows=ANY)
    assert merged(subagents={**ON, "inline_agents": None})["subagents"] == {**kept, "inline_agents": ON}
    assert merged(subagents={**ON, "predefined_agents": [SELF]})["subagents"]["predefined_agents"] == [
        agent(lead["id"], 4)
    ]
    assert merged(advisor=None)["advisor"] == OFF
    assert merged(subagents=OFF)["subagents"] == OFF
    assert merged(subagents=ON)["subagents"] == ANY
    # Another type of configuration starts anew.
    change(http, lead, multiagent=coordinator(worker["id"]))
    assert merged(advisor={**ON, "model": "scripted"}) == members(
        advisor={**ON, "model": "scripted"}, subagents=ANY, workflows=ANY
    )


def test_validation_of_the_merged(http: httpx2.Client, worker: dict[str, Any]) -> None:
    """SDK: without inline agents some agent must be named, which may be one that is kept."""
    empty = "must name at least one agent when inline_agents is disabled"
    without = {**ON, "inline_agents": OFF}
    for name in ("subagents", "workflows"):
        text = f"multiagent.{name}.predefined_agents: {empty}"
        for nobody in (without, {**without, "predefined_agents": None}, {**without, "predefined_agents": []}):
            assert told(http, members(**{name: nobody})) == text
        lead = make(http, multiagent=members(**{name: {**ON, "predefined_agents": [worker["id"]]}}))
        assert change(http, lead, multiagent=members(**{name: without}))["version"] == 2
        assert told_of_update(http, lead, multiagent=members(**{name: {**ON, "predefined_agents": []}})) == text
        assert told_of_update(http, lead, multiagent=members(**{name: {**without, "predefined_agents": None}})) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"advisor": ON}, "Failed to parse request: multiagent.advisor.model: field is required"),
        ({"advisor": {}}, "Failed to parse request: multiagent.advisor.type: field is required"),
        (
            {"subagents": {"type": "auto"}},
            'Failed to parse request: multiagent.subagents.type: "auto" is not a valid value; '
            "expected one of disabled, enabled",
        ),
        (
            {"workflows": {**ON, "predefined_agents": [ADVISOR]}},
            'Failed to parse request: multiagent.workflows.predefined_agents[0].type: "advisor" is not a valid value; '
            "expected one of agent, self",
        ),
        (
            {"subagents": {**ON, "predefined_agents": [f"agent_{n}" for n in range(21)]}},
            "Failed to parse request: multiagent.subagents.predefined_agents: must have at most 20 entries",
        ),
        (
            {"subagents": {**ON, "predefined_agents": [SELF, SELF]}},
            "multiagent.subagents.predefined_agents.1: duplicate entry; the agent itself is already in the list",
        ),
        (
            {"subagents": {**OFF, "predefined_agents": []}},
            'Failed to parse request body: unknown field "predefined_agents" in multiagent.subagents',
        ),
        ({"agents": []}, 'Failed to parse request body: unknown field "agents" in multiagent'),
    ],
)
def test_members_of_the_wrong_shape(http: httpx2.Client, parts: dict[str, Any], text: str) -> None:
    assert told(http, members(**parts)) == text


def test_a_refused_update_loses_nothing(http: httpx2.Client, client: Anthropic, worker: dict[str, Any]) -> None:
    lead = make(http, multiagent=coordinator(worker["id"], ADVISOR))
    with pytest.raises(BadRequestError, match=r"multiagent\.agents\.1"):
        client.beta.agents.update(lead["id"], system="s", multiagent={"type": "coordinator", "agents": [SELF, UNKNOWN]})
    assert http.get(f"/v1/agents/{lead['id']}").json() == lead
