"""Long results: the whole in a file, both ends in the conversation."""

from typing import Any

import pytest

from journeyman.tools.port import ToolContext, ToolResult
from journeyman.tools.spill import LIMIT, spill

pytestmark = pytest.mark.anyio
IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "A" * LIMIT * 2},
}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


async def _kept(context: ToolContext, call_id: str) -> str:
    data = await context.sandboxes.read(context.sandbox, f"/tmp/tool-results/{call_id}.txt", limit=10 * LIMIT)
    return data.data.decode()


async def test_up_to_the_limit_nothing_changes(context: ToolContext) -> None:
    """Only what exceeds 100,000 characters of text is written to a file; an image's data is no text."""
    result = ToolResult([_text("x" * LIMIT), IMAGE])
    assert await spill(result, "sevt_1", context) is result


async def test_several_texts_become_one_preview_and_the_rest_stays(context: ToolContext) -> None:
    first, second = "a" * 60_000, "b" * 60_000
    result = await spill(ToolResult([_text(first), IMAGE, _text(second)], is_error=True), "sevt_2", context)
    preview, image = result.content
    assert image is IMAGE
    assert result.is_error
    assert "120,001 characters" in preview["text"]
    assert "/tmp/tool-results/sevt_2.txt" in preview["text"]
    assert preview["text"].endswith("b")
    assert await _kept(context, "sevt_2") == f"{first}\n{second}"


async def test_a_document_stays_a_document(context: ToolContext) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "\u00e4" * (LIMIT + 1)}
    page = {"type": "document", "source": source, "title": "T", "context": None}
    result = await spill(ToolResult([page], links=("https://a.test",)), "sevt_3", context)
    (block,) = result.content
    assert (block["type"], block["title"], block["source"]["media_type"]) == ("document", "T", "text/plain")
    assert len(block["source"]["data"]) < LIMIT
    assert result.links == ("https://a.test",)
    assert await _kept(context, "sevt_3") == source["data"]


async def test_search_results_keep_their_sources_in_the_file(context: ToolContext) -> None:
    hits = [
        {"type": "search_result", "source": f"https://a.test/{n}", "title": f"T{n}", "content": [_text("w" * 60_000)]}
        for n in range(2)
    ]
    result = await spill(ToolResult(hits, web_searches=1), "sevt_4", context)
    assert [block["type"] for block in result.content] == ["text"]
    assert result.web_searches == 1
    assert "T1\nhttps://a.test/1\nwww" in await _kept(context, "sevt_4")
