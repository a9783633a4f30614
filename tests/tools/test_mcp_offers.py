"""Names and schemas under which MCP tools are offered, and what their results become."""

import base64
from typing import Any

from journeyman.tools.mcp.content import tool_result
from journeyman.tools.mcp.offers import definition, names, resolve, server_meant
from journeyman.tools.mcp.port import McpTool
from journeyman.wire import mcp

PDF = base64.b64encode(b"%PDF-1.7\n").decode()


def tool(name: str, **schema: Any) -> McpTool:
    return McpTool(name, "Does.", schema)


def test_names_are_ones_that_models_take_and_no_two_are_equal() -> None:
    found = names({"my office": [tool("a.b"), tool("a b")], "x" * 255: [tool("long"), tool("longer")]})
    first, second, third, fourth = found
    assert first == "mcp__my_office__a_b"
    assert second.startswith("mcp__my_office__a_b_")
    assert len({first, second, third, fourth}) == 4
    assert all(len(name) <= 128 and name.replace("_", "").replace("-", "").isalnum() for name in found)
    assert found[second] == ("my office", tool("a b"))
    assert list(names({"my office": [tool("a.b"), tool("a b")]})) == [first, second]
    assert server_meant("mcp__my_office__other", ["a", "my office"]) == ("my office", "other")
    assert server_meant("mcp__elsewhere__other", ["my office"]) is None


def test_schemas_are_of_objects() -> None:
    """Models refuse a request for one schema that combines others at its top."""
    made = definition("n", tool("t", anyOf=[{}], properties={"a": {"anyOf": [{}]}}))
    assert made["input_schema"] == {"type": "object", "properties": {"a": {"anyOf": [{}]}}}


def test_settings() -> None:
    """facts 5.6: a tool's own entry, else the toolset's default, which asks."""
    config = mcp.McpToolConfigParams(name="a", enabled=False)
    stored = mcp.materialise_toolset(mcp.McpToolsetParams(type="mcp_toolset", mcp_server_name="s", configs=[config]))
    assert resolve([stored], "s", "a").kind == "disabled"
    assert (resolve([stored], "s", "b").kind, resolve([stored], "s", "b").policy) == ("mcp", "always_ask")
    assert resolve([stored], "other", "b").kind == "unknown"


def test_what_results_become() -> None:
    def shown(*blocks: dict[str, Any], structured: Any = None) -> list[dict[str, Any]]:
        return tool_result(blocks, structured, is_error=False).content

    assert shown() == [{"type": "text", "text": "(no output)"}]
    assert shown(structured={"a": 1})[0]["text"] == '{\n  "a": 1\n}'
    pdf = shown({"type": "resource", "resource": {"uri": "file:///a.pdf", "blob": PDF, "mimeType": "application/pdf"}})
    assert pdf[0]["source"] == {"type": "base64", "media_type": "application/pdf", "data": PDF}
    for strange in (
        {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
        {"type": "image", "data": "!", "mimeType": "image/png"},
        {"type": "image", "data": "AAAA", "mimeType": "image/svg+xml"},
        {"type": "hologram"},
    ):
        (block,) = shown(strange)
        assert block["type"] == "text"
