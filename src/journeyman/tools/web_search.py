"""web_search: the operator's search engine, results as citable blocks."""

from typing import Any

from pydantic import Field
from yarl import URL

from journeyman.tools.builtin import BuiltinTool
from journeyman.tools.domains import environment_hosts, permitted
from journeyman.tools.inputs import ToolInput
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.search.port import MAX_HITS, Hit, Query, SearchEngine, SearchError
from journeyman.tools.text import printable

MAX_QUERY = 400


class WebSearchInput(ToolInput):
    query: str = Field(min_length=1, description="What to search for, in a few words.")


class WebSearch(BuiltinTool[WebSearchInput]):
    name = "web_search"
    description = (
        f"Search the web. Returns up to {MAX_HITS} results with title, URL and text passages; open one with web_fetch "
        "to read the whole page."
    )
    inputs = WebSearchInput

    def __init__(self, engine: SearchEngine | None) -> None:
        self._engine = engine

    async def execute(self, given: WebSearchInput, context: ToolContext) -> ToolResult:
        try:
            hits = await self._hits(given.query, context)
        except SearchError as error:
            return text_result(f"Web search error: {error}", is_error=True)
        blocks = [_block(hit) for hit in hits if _wanted(hit, context)][:MAX_HITS]
        return ToolResult(blocks or text_result("No results found").content, web_searches=1)

    async def _hits(self, query: str, context: ToolContext) -> list[Hit]:
        if self._engine is None:
            raise SearchError(
                "unavailable",
                "no search engine is configured on this server, so web_search cannot be used here. Go on without it, "
                "and tell the user that the server's operator can set one up (Brave, Tavily or SearXNG)",
            )
        if len(query) > MAX_QUERY:
            raise SearchError("query_too_long", f"the query has {len(query)} characters, and {MAX_QUERY} are the most")
        return await self._engine.search(_query(query, context))


def _query(text: str, context: ToolContext) -> Query:
    """The query with the domains that both the tool's lists and the environment leave. Raises SearchError."""
    hosts = environment_hosts(context.networking)
    listed: list[str] | None = context.config.get("allowed_domains")
    if hosts is not None and not any(_reachable(host, context) for host in hosts):
        raise SearchError(
            "url_not_allowed", "no host in this session's environment may be searched, so web_search cannot be used"
        )
    if listed == []:
        raise SearchError("url_not_allowed", "the domain lists that apply to this agent permit no domain at all")
    allowed = listed or [host.removeprefix("*.") for host in hosts or []]
    location: dict[str, Any] = context.config.get("user_location") or {}
    return Query(
        text,
        allowed=tuple(allowed),
        blocked=tuple(context.config.get("blocked_domains") or ()),
        location={key: str(value) for key, value in location.items() if value and key != "type"},
    )


def _reachable(host: str, context: ToolContext) -> bool:
    """Whether anything at an environment's host can pass the tool's lists; listed subdomains of it count."""
    name = host.removeprefix("*.")
    listed: list[str] = context.config.get("allowed_domains") or [name]
    domains = [entry.partition("/")[0] for entry in listed]
    probes = [name, f"www.{name}", *domains, *(f"www.{domain}" for domain in domains)]
    return any(
        permitted(probe, "/", {**context.config, "allowed_domains": domains}, context.networking) for probe in probes
    )


def _wanted(hit: Hit, context: ToolContext) -> bool:
    """Engines only follow domain lists roughly, so each result is checked."""
    try:
        url = URL(hit.url)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and permitted(
        url.raw_host or "", url.path, context.config, context.networking
    )


def _block(hit: Hit) -> dict[str, Any]:
    texts = [printable(text.strip()) for text in hit.texts if text.strip()] or ["(no excerpt)"]
    return {
        "type": "search_result",
        "source": hit.url,
        "title": printable(hit.title).strip() or hit.url,
        "content": [{"type": "text", "text": text} for text in texts],
        "citations": {"enabled": True},
    }
