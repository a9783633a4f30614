"""web_search against servers that answer in the shape of each engine's API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from aiohttp import web

from journeyman.tools.port import ToolCall, ToolContext, ToolResult
from journeyman.tools.registry import Toolset
from journeyman.tools.search.port import SearchSettings

pytestmark = pytest.mark.anyio

Serve = Callable[[web.Application], Awaitable[str]]
Provider = Literal["brave", "tavily", "searxng"]
LOCATION = {"type": "approximate", "city": "Paris", "region": None, "country": "FR", "timezone": "Europe/Paris"}


class Engine:
    """A server that records what it is asked and answers one body on every path."""

    def __init__(self, answer: object, status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.asked: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append(
            {"path": request.path, "query": dict(request.query), "body": body, "headers": dict(request.headers)}
        )
        return web.json_response(self.answer, status=self.status)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app


async def _search(
    base_url: str, context: ToolContext, provider: Provider = "searxng", query: str = "asyncio", **config: Any
) -> ToolResult:
    settings = SearchSettings(provider, api_key="key-1", base_url=base_url)
    networking = config.pop("networking", {})
    context = replace(context, config=config, networking=networking)
    return (
        await Toolset(settings).builtin("web_search").run(ToolCall("sevt_1", "web_search", {"query": query}), context)
    )


def _results(*urls: str) -> dict[str, Any]:
    return {"results": [{"url": url, "title": f"T {url}", "content": "words"} for url in urls]}


async def test_results_are_search_result_blocks_and_count_as_one_search(serve: Serve, context: ToolContext) -> None:
    """`search_result` blocks `{source, title, content: [text…], citations: {enabled: true}}`; counted once."""
    url = await serve(Engine(_results("https://a.test/1")).app())
    result = await _search(url, context)
    assert result.content == [
        {
            "type": "search_result",
            "source": "https://a.test/1",
            "title": "T https://a.test/1",
            "content": [{"type": "text", "text": "words"}],
            "citations": {"enabled": True},
        }
    ]
    assert (result.is_error, result.web_searches) == (False, 1)


async def test_brave(serve: Serve, context: ToolContext) -> None:
    item = {
        "url": "https://a.test/1",
        "title": "A &amp; B",
        "description": "one &lt;two&gt;",
        "extra_snippets": ["three"],
        "age": "May 2, 2026",
    }
    engine = Engine({"web": {"results": [item]}})
    result = await _search(
        await serve(engine.app()), context, "brave", blocked_domains=["b.test"], user_location=LOCATION
    )
    (asked,) = engine.asked
    assert asked["path"] == "/res/v1/web/search"
    assert asked["query"]["q"] == "asyncio -site:b.test"
    assert asked["query"]["country"] == "FR"
    assert asked["headers"]["X-Subscription-Token"] == "key-1"
    assert asked["headers"]["X-Loc-City"] == "Paris"
    assert asked["headers"]["X-Loc-Timezone"] == "Europe/Paris"
    (block,) = result.content
    assert block["title"] == "A & B"
    assert [part["text"] for part in block["content"]] == ["one <two>", "three", "Published: May 2, 2026"]


async def test_tavily(serve: Serve, context: ToolContext) -> None:
    engine = Engine(_results("https://docs.a.test/1"))
    result = await _search(
        await serve(engine.app()), context, "tavily", allowed_domains=["a.test"], user_location=LOCATION
    )
    (asked,) = engine.asked
    assert asked["path"] == "/search"
    assert asked["headers"]["Authorization"] == "Bearer key-1"
    assert asked["body"]["include_domains"] == ["a.test"]
    assert asked["body"]["query"] == "asyncio (user is in Paris, FR)"
    assert result.content[0]["source"] == "https://docs.a.test/1"


async def test_searxng(serve: Serve, context: ToolContext) -> None:
    engine = Engine(_results("https://a.test/1"))
    await _search(await serve(engine.app()), context, allowed_domains=["a.test", "b.test/blog"])
    (asked,) = engine.asked
    assert asked["path"] == "/search"
    assert asked["query"] == {"q": "asyncio (site:a.test OR site:b.test)", "format": "json"}


async def test_results_outside_the_lists_are_left_out(serve: Serve, context: ToolContext) -> None:
    """web_search omits results that its lists do not permit."""
    url = await serve(
        Engine(
            _results(
                "https://a.test/1", "https://x.a.test/", "https://b.test/blog/2", "https://b.test/", "javascript:x"
            )
        ).app()
    )
    allowed = await _search(url, context, allowed_domains=["a.test", "b.test/blog"])
    assert [b["source"] for b in allowed.content] == ["https://a.test/1", "https://x.a.test/", "https://b.test/blog/2"]
    blocked = await _search(url, context, blocked_domains=["a.test"])
    assert [b["source"] for b in blocked.content] == ["https://b.test/blog/2", "https://b.test/"]


async def test_a_limited_environment_limits_the_search(serve: Serve, context: ToolContext) -> None:
    """`allowed_hosts` of a limited environment binds web_search."""
    engine = Engine(_results("https://a.test/1", "https://docs.b.test/", "https://c.test/"))
    url = await serve(engine.app())
    limited = {"type": "limited", "allowed_hosts": ["a.test", "*.b.test"]}
    result = await _search(url, context, networking=limited)
    assert [block["source"] for block in result.content] == ["https://a.test/1", "https://docs.b.test/"]
    assert engine.asked[-1]["query"]["q"] == "asyncio (site:a.test OR site:b.test)"
    for networking, config in [
        ({"type": "limited", "allowed_hosts": []}, {}),
        (limited, {"allowed_domains": ["c.test"]}),
        (limited, {"blocked_domains": ["a.test", "b.test"]}),
    ]:
        refused = await _search(url, context, networking=networking, **config)
        assert refused.is_error
        assert refused.content[0]["text"].startswith(
            "Web search error: url_not_allowed — no host in this session's environment"
        )
    assert len(engine.asked) == 1


async def test_nothing_found_says_so(serve: Serve, context: ToolContext) -> None:
    result = await _search(await serve(Engine({"results": []}).app()), context)
    assert result.content == [{"type": "text", "text": "No results found"}]
    assert result.web_searches == 1


async def test_at_most_ten_results(serve: Serve, context: ToolContext) -> None:
    url = await serve(Engine(_results(*(f"https://a.test/{i}" for i in range(30)))).app())
    assert len((await _search(url, context)).content) == 10


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "too_many_requests"), (422, "invalid_tool_input"), (401, "unavailable"), (500, "unavailable")],
)
async def test_failures_name_their_code_and_are_not_counted(
    serve: Serve, context: ToolContext, status: int, code: str
) -> None:
    result = await _search(await serve(Engine({}, status).app()), context)
    assert result.is_error
    assert result.web_searches == 0
    assert result.content[0]["text"].startswith(f"Web search error: {code} — ")


@pytest.mark.parametrize("answer", [[1], "text", {"results": [{"url": 5}]}])
async def test_an_answer_of_another_shape_is_an_error(serve: Serve, context: ToolContext, answer: object) -> None:
    result = await _search(await serve(Engine(answer).app()), context)
    assert "not a result list" in result.content[0]["text"]


async def test_an_engine_that_cannot_be_reached_is_an_error(context: ToolContext) -> None:
    result = await _search("http://127.0.0.1:1", context)
    assert result.content[0]["text"].startswith("Web search error: unavailable — ")


async def test_without_an_engine_the_model_is_told(context: ToolContext) -> None:
    result = await Toolset().builtin("web_search").run(ToolCall("sevt_1", "web_search", {"query": "x"}), context)
    assert result.is_error
    assert "no search engine is configured" in result.content[0]["text"]


async def test_a_query_that_is_too_long_is_refused(serve: Serve, context: ToolContext) -> None:
    result = await _search(await serve(Engine({}).app()), context, query="x" * 401)
    assert result.content[0]["text"].startswith("Web search error: query_too_long — ")
