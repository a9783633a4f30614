"""Agents that a model defines: they have nothing that their author has not."""

import json
from typing import Any

import pytest
from anthropic.types.beta.sessions import BetaManagedAgentsInlineAgent
from pydantic import TypeAdapter

from journeyman.wire import agents, sessions
from journeyman.wire.errors import ApiError
from journeyman.wire.inline_agents import InlineAgentParams, define

LOOKUP = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object"}}
ASK = {"type": "always_ask"}
BUILTIN = {
    "type": "agent_toolset_20260401",
    "default_config": {"permission_policy": ASK},
    "configs": [{"name": "bash", "enabled": False}, {"name": "read", "permission_policy": {"type": "always_allow"}}],
}
BASE: dict[str, Any] = {
    "name": "lead",
    "model": {"id": "m", "effort": "low", "inference_geo": "us"},
    "system": "Lead.",
    "tools": [BUILTIN, LOOKUP, {"type": "mcp_toolset", "mcp_server_name": "git"}],
    "mcp_servers": [{"type": "url", "name": "git", "url": "https://mcp.example.com"}],
    "skills": [{"type": "anthropic", "skill_id": "pdf"}],
}


def author(**fields: Any) -> dict[str, Any]:
    body = agents.materialise(agents.parse_create(json.dumps({**BASE, **fields}).encode()))
    create = sessions.parse_create(b'{"agent": "a", "environment_id": "e"}')
    return sessions.resolve_agent({**body, "id": "agent_1", "version": 1}, create.agent)


def defined(definition: Any, **fields: Any) -> dict[str, Any]:
    return define(definition, author(**fields), "inline-1")


def told(definition: Any) -> str:
    with pytest.raises(ApiError) as caught:
        defined(definition)
    return caught.value.message


def test_nothing_said_is_a_copy_without_a_prompt():
    """SDK: the server gives a name where the definition has none."""
    own = author()
    kept = {key: own[key] for key in ("model", "tools", "mcp_servers", "skills", "execution_identity")}
    assert defined({}) == {"type": "inline", "name": "inline-1", "description": None, "system": None, **kept}


def test_its_fields_are_those_of_the_wire():
    agent = defined({"name": "n", "description": "d", "system": "s", "model": "m"})
    assert set(agent) == set(BetaManagedAgentsInlineAgent.model_fields)
    TypeAdapter(BetaManagedAgentsInlineAgent).validate_python(agent, strict=True)
    assert (agent["name"], agent["description"], agent["system"]) == ("n", "d", "s")


def test_another_model_keeps_the_geography_alone():
    """The page on orchestration: all pins of a session are equal."""
    assert defined({"model": "m"})["model"] == author()["model"]
    other = {"id": "x", "speed": "standard", "effort": {"type": "high"}, "inference_geo": "us"}
    assert defined({"model": "x"})["model"] == other
    assert "inference_geo" not in define({"model": "x"}, author(model="m"), "a")["model"]


def test_chosen_tools_keep_their_settings():
    """A model cannot allow itself what its author has to ask for."""
    (toolset,) = defined({"tools": ["read", "write"], "mcp_servers": []})["tools"]
    assert toolset["default_config"] == {"enabled": False, "permission_policy": ASK}
    assert toolset["configs"] == [
        {"type": "read", "name": "read", "enabled": True, "permission_policy": {"type": "always_allow"}},
        {"type": "write", "name": "write", "enabled": True, "permission_policy": ASK},
    ]
    assert defined({"tools": ["lookup"], "mcp_servers": []})["tools"] == [author()["tools"][1]]
    assert defined({"tools": [], "mcp_servers": []})["tools"] == []


def test_servers_go_with_their_toolsets():
    whole = author()
    agent = defined({"tools": []})
    assert (agent["tools"], agent["mcp_servers"]) == ([whole["tools"][2]], whole["mcp_servers"])
    agent = defined({"mcp_servers": []})
    assert (agent["tools"], agent["mcp_servers"]) == (whole["tools"][:2], [])
    assert defined({"mcp_servers": ["git"]})["mcp_servers"] == whole["mcp_servers"]


def test_skills_go_with_reading():
    assert defined({"tools": ["read"]})["skills"] == author()["skills"]
    assert defined({"tools": ["write"]})["skills"] == []


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (
            {"tools": ["read", "bash"]},
            'tools.1: "bash" is none of your own; '
            "you have edit, glob, grep, read, web_fetch, web_search, write, lookup",
        ),
        ({"mcp_servers": ["x"]}, 'mcp_servers.0: "x" is none of your own; you have git'),
        ({"name": "anthropic.advisor"}, 'name: "anthropic.advisor" is reserved'),
        ({"name": ""}, "Failed to parse agent: name: must not be empty"),
        ({"name": "x" * 129}, "Failed to parse agent: name: must be at most 128 characters long"),
        ({"model": {"id": "m"}}, "Failed to parse agent: model: expected a string, got an object"),
        ({"tools": [{"type": "custom"}]}, "Failed to parse agent: tools[0]: expected a string, got an object"),
        ({"skills": []}, 'Failed to parse agent body: unknown field "skills"'),
        ({"execution_identity": None}, 'Failed to parse agent body: unknown field "execution_identity"'),
        ([], "Failed to parse agent body: expected an object, got an array"),
    ],
)
def test_what_is_refused(definition, text):
    assert told(definition) == text


def test_the_author_is_left_as_it_is():
    own = author()
    define({"tools": ["read"], "model": "x"}, own, "a")
    assert own == author()


def test_each_field_is_told_to_the_model():
    fields = InlineAgentParams.model_json_schema()["properties"].values()
    assert all("description" in json.dumps(field) for field in fields)
