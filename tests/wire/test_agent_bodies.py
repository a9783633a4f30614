"""The stored body of a new agent."""

import json
from typing import Any

import pytest
from anthropic.types.beta import BetaManagedAgentsAgent

from journeyman.wire import agents
from journeyman.wire.errors import ApiError

ALLOW = {"type": "always_allow"}
ASK = {"type": "always_ask"}


def create(**fields: Any) -> dict[str, Any]:
    body = {"name": "Coding Assistant", "model": "claude-opus-5", **fields}
    return agents.materialise(agents.parse_create(json.dumps(body).encode()))


def resource(body: dict[str, Any]) -> dict[str, Any]:
    stamp = "2026-05-28T22:58:34.155897Z"
    return {**body, "id": "agent_01", "version": 1, "created_at": stamp, "updated_at": stamp, "archived_at": None}


def test_smallest_agent_has_every_key():
    """Facts 5.1 and 5.2: the whole key set, the model as an object with its defaults."""
    assert create() == {
        "type": "agent",
        "name": "Coding Assistant",
        "description": None,
        "system": None,
        "model": {"id": "claude-opus-5", "speed": "standard", "effort": {"type": "high"}},
        "tools": [],
        "mcp_servers": [],
        "skills": [],
        "multiagent": None,
        "metadata": {},
        "execution_identity": {"type": "service_account"},
    }


def test_key_set_is_the_clients():
    assert set(resource(create())) == set(BetaManagedAgentsAgent.model_fields)


def test_client_reads_the_body():
    body = create(
        description="d",
        system="s",
        model={"id": "m", "effort": "low", "speed": "fast", "inference_geo": "us"},
        tools=[
            {"type": "agent_toolset_20260401", "configs": [{"name": "web_fetch"}, {"name": "web_search"}]},
            {"type": "custom", "name": "t", "description": "d", "input_schema": {"type": "object"}},
        ],
        metadata={"k": "v"},
    )
    agent = BetaManagedAgentsAgent.model_validate_json(json.dumps(resource(body)), strict=True)
    assert json.loads(agent.model_dump_json(exclude_unset=True)) == resource(body)


@pytest.mark.parametrize(
    ("model", "stored"),
    [
        ({"id": "m"}, {"id": "m", "speed": "standard", "effort": {"type": "high"}}),
        ({"id": "m", "effort": "low"}, {"id": "m", "speed": "standard", "effort": {"type": "low"}}),
        ({"id": "m", "effort": {"type": "max"}}, {"id": "m", "speed": "standard", "effort": {"type": "max"}}),
        ({"id": "m", "effort": None, "speed": None}, {"id": "m", "speed": "standard", "effort": {"type": "high"}}),
        (
            {"id": "m", "speed": "fast", "inference_geo": "us"},
            {"id": "m", "speed": "fast", "effort": {"type": "high"}, "inference_geo": "us"},
        ),
    ],
)
def test_model_is_stored_as_an_object(model, stored):
    assert create(model=model)["model"] == stored


def test_null_means_omitted():
    nulls = dict.fromkeys(
        ["description", "system", "tools", "mcp_servers", "skills", "multiagent", "metadata", "execution_identity"]
    )
    assert create(**nulls) == create()


def test_bare_toolset():
    """Recorded (facts 5.3)."""
    assert create(tools=[{"type": "agent_toolset_20260401"}])["tools"] == [
        {
            "type": "agent_toolset_20260401",
            "default_config": {"enabled": True, "permission_policy": ALLOW},
            "configs": [],
        }
    ]


def test_only_sent_entries_are_stored_and_inherit_the_default():
    """Recorded (facts 5.3, 5.4)."""
    toolset = {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": False, "permission_policy": ASK},
        "configs": [{"name": "bash", "enabled": True}, {"name": "read", "permission_policy": ALLOW}],
    }
    stored = create(tools=[toolset])["tools"][0]
    assert stored["default_config"] == {"enabled": False, "permission_policy": ASK}
    assert stored["configs"] == [
        {"type": "bash", "name": "bash", "enabled": True, "permission_policy": ASK},
        {"type": "read", "name": "read", "enabled": False, "permission_policy": ALLOW},
    ]


def test_web_tools_store_every_key():
    """Recorded (facts 5.4): what was not sent is null."""
    toolset = {"type": "agent_toolset_20260401", "configs": [{"name": "web_fetch"}, {"name": "web_search"}]}
    common = {"enabled": True, "permission_policy": ALLOW, "allowed_domains": None, "blocked_domains": None}
    assert create(tools=[toolset])["tools"][0]["configs"] == [
        {"type": "web_fetch", "name": "web_fetch", **common, "max_content_tokens": None, "url_sources": None},
        {"type": "web_search", "name": "web_search", **common, "user_location": None},
    ]


def test_url_sources_are_stored_in_the_object_form():
    reference = {"type": "tool_reference", "name": "web_search"}
    entry = {
        "name": "web_fetch",
        "url_sources": {"user_input": "none", "server_tool_results": {"type": "only", "tools": [reference]}},
    }
    stored = create(tools=[{"type": "agent_toolset_20260401", "configs": [entry]}])["tools"][0]["configs"][0]
    assert stored["url_sources"] == {
        "client_tool_results": None,
        "server_tool_results": {"type": "only", "tools": [reference]},
        "user_input": {"type": "none"},
    }


def test_custom_tool_is_stored_as_sent():
    tool = {
        "type": "custom",
        "name": "get_weather",
        "description": "Current weather",
        "input_schema": {"type": "object", "properties": {"$ref": {"type": "string"}}, "additionalProperties": False},
    }
    assert create(tools=[tool])["tools"] == [tool]


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({f"k{number}": "v" for number in range(17)}, "metadata: must have at most 16 pairs, got 17"),
        ({"k" * 65: "v"}, "must be 1 to 64 characters long"),
        ({"k": "v" * 513}, 'metadata: value of "k" must be at most 512 characters long'),
    ],
)
def test_metadata_limits(metadata, problem):
    """Facts 5.8, with the code of facts 2.5."""
    with pytest.raises(ApiError) as caught:
        create(metadata=metadata)
    assert problem in caught.value.message
    assert caught.value.code == "invalid_metadata"


def test_metadata_at_its_limits():
    metadata = {f"{number:064}": "v" * 512 for number in range(16)}
    assert create(metadata=metadata)["metadata"] == metadata


def test_tools_limit(refused):
    """Facts 5.8: 256 tools."""
    tool = {"type": "custom", "description": "d", "input_schema": {"type": "object"}}
    tools = [{**tool, "name": f"t{number}"} for number in range(257)]
    assert len(create(tools=tools[:256])["tools"]) == 256
    message = refused(agents.parse_create, {"name": "n", "model": "m", "tools": tools})
    assert message == "Failed to parse request: tools: must have at most 256 entries"
