"""Sessions: what is accepted, and the agent snapshot."""

import json
from typing import Any

import pytest
from anthropic.types.beta import BetaManagedAgentsSessionAgent

from journeyman.wire import agents, sessions
from journeyman.wire.errors import ApiError

TEXT = {"type": "text", "text": "hi"}
MESSAGE = {"type": "user.message", "content": [TEXT]}
AGENT = {
    "name": "n",
    "model": {"id": "m", "effort": "low", "inference_geo": "us"},
    "system": "s",
    "tools": [{"type": "agent_toolset_20260401"}],
    "metadata": {"k": "v"},
}


def stored() -> dict[str, Any]:
    body = agents.materialise(agents.parse_create(json.dumps(AGENT).encode()))
    stamp = "2026-05-28T22:58:34.155897Z"
    return {**body, "id": "agent_01", "version": 3, "created_at": stamp, "updated_at": stamp, "archived_at": None}


def create(agent: Any = "agent_01", **fields: Any) -> sessions.SessionCreate:
    return sessions.parse_create(json.dumps({"agent": agent, "environment_id": "env_01", **fields}).encode())


def overridden(**overrides: Any) -> dict[str, Any]:
    reference = {"type": "agent_with_overrides", "id": "agent_01", **overrides}
    return sessions.resolve_agent(stored(), create(reference).agent)


def test_agent_forms():
    """Facts 7.11: a bare id is the latest version."""
    assert create("agent_01").agent == create({"type": "agent", "id": "agent_01"}).agent
    assert create("agent_01").agent.version is None
    assert create({"type": "agent", "id": "agent_01", "version": 2}).agent.version == 2


def test_snapshot_has_no_metadata_or_times():
    """Recorded (facts 7.2)."""
    snapshot = sessions.resolve_agent(stored(), create().agent)
    left_out = {"metadata", "created_at", "updated_at", "archived_at"}
    assert snapshot == {key: value for key, value in stored().items() if key not in left_out}


def test_client_reads_the_snapshot():
    snapshot = overridden(
        tools=[{"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}}]
    )
    agent = BetaManagedAgentsSessionAgent.model_validate_json(json.dumps(snapshot), strict=True)
    assert json.loads(agent.model_dump_json(exclude_unset=True)) == snapshot
    assert set(snapshot) == set(BetaManagedAgentsSessionAgent.model_fields)


def test_omitted_overrides_inherit():
    """Docs: sessions."""
    assert overridden() == sessions.resolve_agent(stored(), create().agent)
    assert overridden(version=3)["version"] == 3


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"system": None}, {"system": None}),
        ({"system": "other"}, {"system": "other"}),
        ({"tools": None}, {"tools": []}),
        ({"tools": []}, {"tools": []}),
        ({"skills": None, "mcp_servers": None}, {}),
        ({"model": "m"}, {"model": {"id": "m", "speed": "standard", "effort": {"type": "high"}}}),
        (
            {"model": {"id": "x", "effort": "low", "inference_geo": "global"}},
            {"model": {"id": "x", "speed": "standard", "effort": {"type": "high"}, "inference_geo": "global"}},
        ),
    ],
)
def test_overrides_replace_whole_fields(override, expected):
    """Docs: an effort in an override is not applied, and the agent's is not carried over."""
    assert overridden(**override) == {**overridden(), **expected}


def test_model_cannot_be_cleared():
    """Docs: sessions."""
    with pytest.raises(ApiError) as caught:
        overridden(model=None)
    assert (caught.value.status, caught.value.code) == (400, "agent_model_required")


def test_overriding_tools_with_a_dangling_toolset(refused):
    reference = {
        "type": "agent_with_overrides",
        "id": "agent_01",
        "tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}],
    }
    message = refused(
        lambda body: sessions.resolve_agent(stored(), sessions.parse_create(body).agent),
        {"agent": reference, "environment_id": "env_01"},
    )
    assert message == 'agent.tools.0.mcp_toolset: references server "x" which is not defined in mcp_servers'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"agent": 5}, "Failed to parse request: agent: expected a string or an object"),
        ({"agent": {"id": "agent_01"}}, "Failed to parse request: agent.type: field is required"),
        ({"agent": ""}, "Failed to parse request: agent: not a valid ID"),
        (
            {"agent": {"type": "agent", "id": "a", "version": 0}},
            "Failed to parse request: agent.version: must be at least 1",
        ),
        ({"environment_id": "env\u0000"}, "Failed to parse request: environment_id: not a valid ID"),
        ({"title": "a\u0000"}, "Failed to parse request: title: must not contain a null character"),
        (
            {"agent": {"type": "agent_with_overrides", "id": "a", "system": "x" * 100_001}},
            "Failed to parse request: agent.system: must be at most 100000 characters long",
        ),
        ({"initial_events": [MESSAGE] * 51}, "Failed to parse request: initial_events: must have at most 50 entries"),
        (
            {"initial_events": [{"type": "system.message", "content": [TEXT]}]},
            'Failed to parse request: initial_events[0].type: "system.message" is not a valid value;'
            " expected one of user.define_outcome, user.message",
        ),
        (
            {
                "initial_events": [
                    {"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "r"}}
                ]
                * 2
            },
            "initial_events: must have at most one user.define_outcome event",
        ),
        (
            {"budget": {"type": "limit", "max_list_cost": {"amount": "25.00", "currency": "USD"}}},
            "Failed to parse request: budget.max_list_cost.amount: must be a whole number of cents above zero"
            ' without leading zeros, such as "2500"',
        ),
        (
            {"budget": {"type": "limit", "max_list_cost": {"amount": "1", "currency": "EUR"}}},
            'Failed to parse request: budget.max_list_cost.currency: "EUR" is not a valid value; expected USD',
        ),
    ],
)
def test_refused_creates(refused, fields, message):
    assert refused(sessions.parse_create, {"agent": "agent_01", "environment_id": "env_01", **fields}) == message


def test_empty_lists_and_nulls_are_as_omitted():
    """Docs: an empty initial_events is equivalent to none."""
    empty = create(initial_events=[], resources=[], vault_ids=[])
    assert not (empty.initial_events or empty.resources or empty.vault_ids)
    nothing = create(title=None, metadata=None, initial_events=None, resources=None, vault_ids=None, budget=None)
    assert nothing.title is None


def session() -> dict[str, Any]:
    agent = sessions.resolve_agent(stored(), create().agent)
    return {"id": "sesn_01", "title": "t", "metadata": {"a": "1"}, "agent": agent}


def updated(**fields: Any) -> dict[str, Any]:
    return sessions.apply_update(session(), sessions.parse_update(json.dumps(fields).encode()))


def test_nothing_sent_changes_nothing():
    assert updated() == session()
    assert updated(agent={}, metadata=None, budget=None) == session()


def test_update():
    """Docs (facts 7.12)."""
    assert updated(title="new") == {**session(), "title": "new"}
    assert updated(title=None) == {**session(), "title": None}
    assert updated(metadata={"a": None, "b": "2"}) == {**session(), "metadata": {"b": "2"}}
    assert updated(agent={"tools": []}) == {**session(), "agent": {**session()["agent"], "tools": []}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vault_ids": []}, "vault_ids: cannot be changed after the session is created"),
        ({"agent": {"model": "x"}}, 'Failed to parse request body: unknown field "model" in agent'),
        (
            {"agent": {"tools": [{"type": "agent_toolset_20260401"}] * 2}},
            "agent.tools.1.agent_toolset_20260401: duplicate entry; at most one agent_toolset_20260401 is allowed",
        ),
    ],
)
def test_refused_updates(refused, fields, message):
    assert refused(sessions.parse_update, fields) == message
