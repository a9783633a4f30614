"""What a body that does not parse is told, in the reference's two message families."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.wire import agents, environments, events, sessions
from journeyman.wire.errors import ApiError

TOOLS = "bash, edit, glob, grep, read, web_fetch, web_search, write"
POLICIES = "always_allow, always_ask, auto"


def toolset(**fields: Any) -> dict[str, Any]:
    return {"name": "n", "model": "m", "tools": [{"type": "agent_toolset_20260401", **fields}]}


def test_unknown_tool_name_lists_the_known_ones(refused):
    """Recorded (facts 2.7): the parse stage's path is bracketed and the choices are listed."""
    assert refused(agents.parse_create, toolset(configs=[{"name": "find"}])) == (
        'Failed to parse request: tools[0].configs[0].name: "find" is not a valid value; expected one of ' + TOOLS
    )


def test_unknown_field_is_named(refused):
    """Recorded (facts 2.7)."""
    body = {"name": "n", "model": "m", "client_id": "x"}
    assert refused(agents.parse_create, body) == 'Failed to parse request body: unknown field "client_id"'


def test_unknown_event_type(refused):
    """Recorded (facts 2.7)."""
    message = refused(events.parse_send, {"events": [{"type": "tool_confirmation"}]})
    assert message.startswith('Failed to parse request: events[0].type: "tool_confirmation" is not a valid value')


def test_policy_type_comes_before_the_name_of_its_entry(refused):
    """Recorded (facts 2.8)."""
    body = toolset(configs=[{"name": "find", "permission_policy": {"type": "never_allow"}}])
    assert refused(agents.parse_create, body) == (
        'Failed to parse request: tools[0].configs[0].permission_policy.type: "never_allow" is not a valid value;'
        f" expected one of {POLICIES}"
    )


def test_policy_comes_before_duplicates(refused):
    """Recorded (facts 2.8)."""
    entry = {"name": "bash", "permission_policy": {"type": "never_allow"}}
    assert "permission_policy.type" in refused(agents.parse_create, toolset(configs=[{"name": "bash"}, entry]))


def test_bad_name_comes_before_a_malformed_default_policy(refused):
    """Recorded (facts 2.8)."""
    body = toolset(configs=[{"name": "find"}], default_config={"permission_policy": "always_ask"})
    assert "tools[0].configs[0].name" in refused(agents.parse_create, body)


@pytest.mark.parametrize("entry", ["bash", {}, {"name": "bash", "enabled": "yes"}])
def test_unknown_default_policy_comes_before_a_malformed_entry(refused, entry):
    """Recorded (facts 2.8)."""
    body = toolset(configs=[entry], default_config={"permission_policy": {"type": "never_allow"}})
    assert "tools[0].default_config.permission_policy.type" in refused(agents.parse_create, body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Failed to parse request body: invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b'{"name":', "Failed to parse request body: invalid JSON: EOF while parsing a value at line 1 column 8"),
        (b"[]", "Failed to parse request body: expected an object, got an array"),
        (b'"text"', "Failed to parse request body: expected an object, got a string"),
        (b"null", "Failed to parse request body: expected an object, got null"),
        ({"model": "m"}, "Failed to parse request: name: field is required"),
        ({"name": "", "model": "m"}, "Failed to parse request: name: must not be empty"),
        ({"name": 5, "model": "m"}, "Failed to parse request: name: expected a string, got a number"),
        ({"name": True, "model": "m"}, "Failed to parse request: name: expected a string, got a boolean"),
        ({"name": "n", "model": ["m"]}, "Failed to parse request: model: expected a string or an object"),
        ({"name": "n", "model": {}}, "Failed to parse request: model.id: field is required"),
        (
            {"name": "n", "model": {"id": "m", "effort": "turbo"}},
            'Failed to parse request: model.effort: "turbo" is not a valid value;'
            " expected one of high, low, max, medium, xhigh",
        ),
        (
            {"name": "n", "model": {"id": "m", "temperature": 1}},
            'Failed to parse request body: unknown field "temperature" in model',
        ),
        ({"name": "n", "model": "m", "tools": {}}, "Failed to parse request: tools: expected an array, got an object"),
        (
            {"name": "n", "model": "m", "tools": [5]},
            "Failed to parse request: tools[0]: expected an object, got a number",
        ),
        ({"name": "n", "model": "m", "tools": [{}]}, "Failed to parse request: tools[0].type: field is required"),
        (
            {"name": "n", "model": "m", "tools": [{"type": "browser"}]},
            'Failed to parse request: tools[0].type: "browser" is not a valid value;'
            " expected one of agent_toolset_20260401, custom, mcp_toolset",
        ),
        (
            toolset(configs=[{"name": "web_fetch", "max_content_tokens": 0}]),
            "Failed to parse request: tools[0].configs[0].max_content_tokens: must be at least 1",
        ),
        (
            toolset(configs=[{"name": "bash", "allowed_domains": ["example.com"]}]),
            'Failed to parse request body: unknown field "allowed_domains" in tools[0].configs[0]',
        ),
        (
            {"name": "n", "model": "m", "mcp_servers": [{"type": "url", "name": "x"}]},
            "Failed to parse request: mcp_servers[0].url: field is required",
        ),
        (
            {"name": "n", "model": "m", "mcp_servers": [{"type": "url", "name": "x", "url": 5}]},
            "Failed to parse request: mcp_servers[0].url: expected a string, got a number",
        ),
        (
            {"name": "n", "model": "m", "metadata": {"k": None}},
            "Failed to parse request: metadata.k: expected a string, got null",
        ),
    ],
)
def test_first_error_names_its_field(refused, body, message):
    assert refused(agents.parse_create, body) == message


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "text"}, "content[0].text: field is required"),
        ({"type": "text", "text": 5}, "content[0].text: expected a string, got a number"),
        ({"type": "image", "source": {"type": "url"}}, "content[0].source.url: field is required"),
        (
            {"type": "image", "source": {"type": "url", "url": 1}},
            "content[0].source.url: expected a string, got a number",
        ),
    ],
)
def test_path_keeps_a_field_named_like_its_union_tag(refused, block, message):
    body = {"events": [{"type": "user.message", "content": [block]}]}
    assert refused(events.parse_send, body) == f"Failed to parse request: events[0].{message}"


@pytest.mark.parametrize("version", ["1", 1.0, True, 0])
def test_nothing_is_coerced(refused, version):
    assert refused(agents.parse_update, {"version": version}).startswith("Failed to parse request: version: ")


def test_long_values_are_cut(refused):
    message = refused(agents.parse_create, {"name": "n", "model": {"id": "m", "speed": "x" * 10_000}})
    assert len(message) < 400


VALID = [
    (agents.parse_create, {**toolset(configs=[{"name": "bash"}]), "metadata": {"k": "v"}, "model": {"id": "m"}}),
    (agents.parse_update, {**toolset(), "system": None, "skills": [{"type": "custom", "skill_id": "s"}]}),
    (environments.parse_create, {"name": "n", "config": {"type": "cloud", "networking": {"type": "limited"}}}),
    (events.parse_send, {"events": [{"type": "user.message", "content": [{"type": "text", "text": "hi"}]}]}),
    (sessions.parse_create, {"agent": {"type": "agent", "id": "a"}, "environment_id": "e", "vault_ids": []}),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in below for place in places(value, (*path, key)))]


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = dict(node) if isinstance(node, dict) else list(node)
    changed[path[0]] = replaced(node[path[0]], path[1:], value)
    return changed


@given(data=st.data())
def test_any_mutation_is_accepted_or_refused_in_our_words(data):
    parse, body = data.draw(st.sampled_from(VALID))
    mutated = replaced(body, data.draw(st.sampled_from(places(body))), data.draw(JSON))
    try:
        parse(json.dumps(mutated).encode())
    except ApiError as error:
        assert error.status == 400
        assert not any(word in error.message for word in ("Input", "pydantic", "tag ", "extra_"))
