"""What an agent's tools offer, what a name means, and what a call may carry."""

from typing import Any

import pytest

from journeyman.tools.port import ToolCall, ToolContext
from journeyman.tools.registry import Toolset

ALLOW: dict[str, Any] = {"type": "always_allow"}
ASK: dict[str, Any] = {"type": "always_ask"}
CUSTOM: dict[str, Any] = {
    "type": "custom",
    "name": "get_weather",
    "description": "The weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _toolset(*configs: dict[str, Any], enabled: bool = True, policy: dict[str, Any] = ALLOW) -> dict[str, Any]:
    default = {"enabled": enabled, "permission_policy": policy}
    return {"type": "agent_toolset_20260401", "default_config": default, "configs": list(configs)}


def test_all_eight_tools_are_offered_by_default() -> None:
    names = [tool["name"] for tool in Toolset().definitions([_toolset()])]
    assert names == ["bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search"]


def test_the_offer_does_not_depend_on_the_order_of_configs() -> None:
    """The tools stand first in the prompt, so another order would lose the model's cache."""
    one = {"type": "bash", "name": "bash", "enabled": True, "permission_policy": ASK}
    two = {"type": "read", "name": "read", "enabled": True, "permission_policy": ALLOW}
    toolset = Toolset()
    assert toolset.definitions([_toolset(one, two)]) == toolset.definitions([_toolset(two, one)])


def test_disabled_tools_are_not_offered_and_custom_ones_come_last_as_given() -> None:
    bash = {"type": "bash", "name": "bash", "enabled": True, "permission_policy": ALLOW}
    mcp = {"type": "mcp_toolset", "mcp_server_name": "docs"}
    offered = Toolset().definitions([CUSTOM, _toolset(bash, enabled=False), mcp])
    assert [tool["name"] for tool in offered] == ["bash", "get_weather"]
    assert offered[1] == {key: CUSTOM[key] for key in ("name", "description", "input_schema")}


def test_an_agent_without_a_toolset_has_no_builtin_tools() -> None:
    assert Toolset().definitions([]) == []
    assert Toolset().resolve([], "bash").kind == "disabled"


def test_a_schema_says_types_and_what_is_required_and_nothing_of_pydantic() -> None:
    bash, edit = (Toolset().builtin(name).definition()["input_schema"] for name in ("bash", "edit"))
    assert edit["required"] == ["file_path", "old_string", "new_string"]
    assert edit["properties"]["replace_all"]["type"] == "boolean"
    assert bash["properties"]["timeout_ms"]["type"] == "integer"
    assert bash["required"] == []
    for schema in (bash, edit):
        assert all(set(spec) <= {"type", "description", "minimum"} for spec in schema["properties"].values())


def test_a_config_entry_wins_over_the_default() -> None:
    """An entry is echoed with `enabled` and `permission_policy` inherited from the default."""
    read = {"type": "read", "name": "read", "enabled": True, "permission_policy": ASK}
    found = Toolset().resolve([_toolset(read)], "read")
    assert (found.kind, found.policy, found.config) == ("builtin", "always_ask", read)
    assert Toolset().resolve([_toolset(policy=ASK)], "bash").policy == "always_ask"


def test_settings_of_a_web_tool_reach_it() -> None:
    entry = {"name": "web_fetch", "type": "web_fetch", "max_content_tokens": 5, "blocked_domains": None}
    config = Toolset().resolve([_toolset(entry)], "web_fetch").config
    assert config["max_content_tokens"] == 5
    assert config["permission_policy"] == ALLOW


def test_the_offer_names_the_domains_a_tool_may_reach() -> None:
    entry = {"name": "web_fetch", "type": "web_fetch", "enabled": True, "permission_policy": ALLOW}
    toolset = Toolset()

    def described(**lists: list[str]) -> str:
        offered = toolset.definitions([_toolset({**entry, **lists})])
        return next(tool["description"] for tool in offered if tool["name"] == "web_fetch")

    assert "docs.test, a.test" in described(allowed_domains=["docs.test", "a.test"])
    assert "cannot be reached: bad.test" in described(blocked_domains=["bad.test"])
    assert "no domain is permitted" in described(allowed_domains=[])


@pytest.mark.parametrize(
    ("name", "kind", "policy"),
    [
        ("get_weather", "custom", "always_allow"),
        ("find", "unknown", "always_deny"),
        ("bash", "disabled", "always_deny"),
    ],
)
def test_names_that_are_no_enabled_builtin(name: str, kind: str, policy: str) -> None:
    found = Toolset().resolve([_toolset(enabled=False), CUSTOM], name)
    assert (found.kind, found.policy) == (kind, policy)


def test_there_is_no_other_builtin() -> None:
    """Aliases such as `find` are no tools."""
    with pytest.raises(KeyError):
        Toolset().builtin("find")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, '"file_path" is required; "content" is required'),
        ({"path": "a", "file_path": "a", "content": "b"}, '"path" is not a parameter'),
        ({"file_path": "a", "content": 5}, '"content": should be a valid string'),
        ({"file_path": "a\0b", "content": "x"}, '"file_path": NUL characters are not allowed'),
        ({"file_path": "a", "content": "\ud800"}, "surrogates not allowed"),
    ],
)
async def test_a_call_that_does_not_fit_is_explained(context: ToolContext, given: dict[str, Any], said: str) -> None:
    result = await Toolset().builtin("write").run(ToolCall("sevt_1", "write", given), context)
    assert result.is_error
    (block,) = result.content
    assert block["text"].startswith("write: invalid input: ")
    assert said in block["text"]
    assert block["text"].endswith("Parameters of write: file_path (required), content (required).")
    block["text"].encode()
