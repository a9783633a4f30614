"""Rules on an agent's tools beyond their shape: the semantic message family, with dotted paths."""

import json
from typing import Any

import pytest

from journeyman.wire import agents

TOOLSET = "tools.0.agent_toolset_20260401"


def agent(*tools: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "n", "model": "m", "tools": list(tools), **fields}


def toolset(*configs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "agent_toolset_20260401", "configs": list(configs)}


def custom(name: str = "t", **schema: Any) -> dict[str, Any]:
    return {"type": "custom", "name": name, "description": "d", "input_schema": {"type": "object", **schema}}


def mcp(name: str) -> dict[str, Any]:
    return {"type": "mcp_toolset", "mcp_server_name": name}


def server(name: str) -> dict[str, Any]:
    return {"type": "url", "name": name, "url": "https://mcp.example.com"}


def create(body: bytes) -> dict[str, Any]:
    return agents.materialise(agents.parse_create(body))


def test_tool_configured_twice(refused):
    """Recorded (facts 2.7)."""
    message = refused(create, agent(toolset({"name": "bash"}, {"name": "bash"})))
    assert message == f'{TOOLSET}.configs.1: duplicate entry for tool "AGENT_TOOL_NAME_BASH"'


def test_second_toolset(refused):
    """Recorded (facts 2.7)."""
    assert refused(create, agent(toolset(), toolset())) == (
        "tools.1.agent_toolset_20260401: duplicate entry; at most one agent_toolset_20260401 is allowed"
    )


def test_type_of_an_entry_must_be_its_name(refused):
    assert refused(create, agent(toolset({"name": "bash", "type": "read"}))) == (
        f'{TOOLSET}.configs.0.type: must equal the entry\'s name, "bash"'
    )


@pytest.mark.parametrize(
    ("tools", "servers", "message"),
    [
        ([mcp("x")], [], 'tools.0.mcp_toolset: references server "x" which is not defined in mcp_servers'),
        ([], ["x"], "mcp_servers [x] declared but no mcp_toolset in tools references them"),
        ([mcp("y")], ["x", "y", "z"], "mcp_servers [x z] declared but no mcp_toolset in tools references them"),
        (
            [mcp("x"), mcp("x")],
            ["x"],
            'tools.1.mcp_toolset: duplicate entry for server "x"; each MCP server may have at most one mcp_toolset',
        ),
        ([mcp("x")], ["x", "x"], 'mcp_servers.1.name: duplicate server name "x"'),
    ],
)
def test_mcp_toolsets_and_servers_go_together(refused, tools, servers, message):
    """Recorded (facts 2.9)."""
    assert refused(create, agent(*tools, mcp_servers=[server(name) for name in servers])) == message


def test_too_many_mcp_servers(refused):
    """Facts 5.8."""
    names = [f"s{number}" for number in range(21)]
    message = refused(create, agent(*map(mcp, names), mcp_servers=list(map(server, names))))
    assert message == "mcp_servers: must have at most 20 servers, got 21"


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        (custom("bash"), '.name: "bash" is the name of a built-in tool'),
        (custom("mcp__x"), '.name: the prefix "mcp__" is reserved'),
        (custom("get weather"), ".name: must consist of letters, digits, underscores and hyphens"),
        (custom("wétter"), ".name: must consist of letters, digits, underscores and hyphens"),
        (custom(type="array"), '.input_schema.type: must be "object"'),
        (custom(anyOf=[]), ".input_schema: anyOf is not supported at the top level"),
        (custom(properties=[]), ".input_schema.properties: must be an object"),
        (custom(properties={"": {}}), '.input_schema.properties: name "" must be 1 to 64 characters long'),
        (custom(required="a"), ".input_schema.required: must be an array of strings"),
        (
            custom(properties={"a": {"items": [{"$ref": "#"}]}}),
            ".input_schema: $ref is not supported; write the referenced schema in its place",
        ),
    ],
)
def test_custom_tool_rules(refused, tool, message):
    """Facts 5.8."""
    assert refused(create, agent(tool)) == f"tools.0.custom{message}"


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x" * 64: {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        {"properties": {"$ref": {"type": "string", "const": {"$ref": "data"}}}, "required": ["$ref"]},
        {"properties": None, "required": None},
        {"properties": {"n": {"maximum": 2**64 - 1, "multipleOf": 0.1}}},
    ],
)
def test_custom_tool_schemas_that_are_fine(schema):
    stored = create(json.dumps(agent(custom(**schema))).encode())
    assert stored["tools"][0]["input_schema"] == {"type": "object", **schema}


def test_custom_tool_name_twice(refused):
    assert refused(create, agent(custom("a"), custom("a"))) == 'tools.1.custom.name: duplicate tool name "a"'


@pytest.mark.parametrize("number", ["NaN", "1e999", "123456789012345678901234567890"])
def test_numbers_that_cannot_be_stored(refused, number):
    body = json.dumps(agent(custom(maximum="NUMBER"))).replace('"NUMBER"', number)
    assert refused(create, body.encode()) == (
        "Failed to parse request: tools[0].input_schema: contains a number that is out of range"
    )


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ({"country": "usa"}, "country: must be a two-letter ISO 3166-1 country code in upper case"),
        ({"timezone": "Mars/Olympus"}, 'timezone: "Mars/Olympus" is not a valid IANA time zone name'),
        ({"timezone": "../etc/passwd"}, 'timezone: "../etc/passwd" is not a valid IANA time zone name'),
        ({"timezone": "America"}, 'timezone: "America" is not a valid IANA time zone name'),
        ({"timezone": ""}, 'timezone: "" is not a valid IANA time zone name'),
    ],
)
def test_user_location_rules(refused, location, message):
    entry = {"name": "web_search", "user_location": {"type": "approximate", **location}}
    assert refused(create, agent(toolset(entry))) == f"{TOOLSET}.configs.0.user_location.{message}"


def only(*names: str) -> dict[str, Any]:
    return {"type": "only", "tools": [{"type": "tool_reference", "name": name} for name in names]}


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            {"client_tool_results": only("t", "q")},
            '.client_tool_results.tools.1.name: "q" is not a custom tool in tools',
        ),
        (
            {"server_tool_results": only("t")},
            '.server_tool_results.tools.0.name: "t" is not web_search or web_fetch',
        ),
        ({"client_tool_results": only("t", "t")}, '.client_tool_results.tools.1: duplicate entry for tool "t"'),
        (
            {"client_tool_results": "none", "server_tool_results": "none", "user_input": {"type": "none"}},
            ": at least one source must not be none; disable web_fetch instead",
        ),
    ],
)
def test_url_source_rules(refused, sources, message):
    body = agent(toolset({"name": "web_fetch", "url_sources": sources}), custom("t"))
    assert refused(create, body) == f"{TOOLSET}.configs.0.url_sources{message}"


def test_url_source_shorthand_is_only_for_all_and_none(refused):
    body = agent(toolset({"name": "web_fetch", "url_sources": {"client_tool_results": "only"}}))
    assert refused(create, body) == (
        "Failed to parse request: tools[0].configs[0].url_sources.client_tool_results:"
        ' "only" is not a valid value; expected one of all, none'
    )
