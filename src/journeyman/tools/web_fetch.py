"""web_fetch: a page that the conversation has already shown."""

from dataclasses import replace

from pydantic import Field
from yarl import URL

from journeyman.egress.addresses import AddressPolicy
from journeyman.tools.builtin import BuiltinTool
from journeyman.tools.domains import environment_hosts, environment_permits, permitted
from journeyman.tools.download import FetchError, download
from journeyman.tools.inputs import ToolInput
from journeyman.tools.page import document
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.urls import Match, match, normal

MAX_URL = 2048


class WebFetchInput(ToolInput):
    url: str = Field(description="The http or https URL, as the conversation shows it.")


class WebFetch(BuiltinTool[WebFetchInput]):
    name = "web_fetch"
    description = (
        "Fetch a web page, text file or PDF and return its readable text. Only URLs that the conversation already "
        "shows can be fetched: from a user message, a search result, a fetched page or its links, or a custom tool's "
        "result. It cannot log in anywhere."
    )
    inputs = WebFetchInput

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def execute(self, given: WebFetchInput, context: ToolContext) -> ToolResult:
        try:
            found = _known(given.url, context)
            got = await download(URL(found.url), self._policy, lambda url: _gate(url, context))
            page = await document(got, context.config.get("max_content_tokens"))
        except FetchError as error:
            return text_result(f"Web fetch error: {error}", is_error=True)
        note = text_result(
            f"Note: fetched {found.url}, not the URL you gave. Only URLs that the conversation shows are fetched, and "
            "this one is nearly the same."
        )
        before = [] if found.exact else note.content
        return replace(ToolResult([*before, page.block]), links=tuple(dict.fromkeys([got.url, *page.links])))


def _known(url: str, context: ToolContext) -> Match:
    """The shown URL that is meant. Raises FetchError."""
    if len(url) > MAX_URL:
        raise FetchError("url_too_long", f"the URL has {len(url)} characters, and {MAX_URL} are the most")
    if normal(url) is None:
        raise FetchError("invalid_tool_input", f"{url} is not an http or https URL with a host")
    _gate(URL(url), context)
    found = match(url, context.seen_urls)
    if found is None:
        raise FetchError(
            "url_not_in_prior_context",
            "this URL does not appear in the conversation. Fetch one that a user message, a search result or a "
            "fetched page shows, search for the page, or ask the user for its URL",
        )
    return found


def _gate(url: URL, context: ToolContext) -> None:
    """Raise FetchError for a host that the environment or the tool's domain lists forbid."""
    host = (url.raw_host or "").lower().rstrip(".")
    hosts = environment_hosts(context.networking)
    if hosts is not None and not hosts:
        raise FetchError("url_not_allowed", "this session's environment allows no web hosts, so nothing can be fetched")
    if not environment_permits(host, context.networking):
        raise FetchError(
            "url_not_allowed", f"this session's environment does not allow {host}, only: {', '.join(hosts or [])}"
        )
    if context.config.get("allowed_domains") == []:
        raise FetchError("url_not_allowed", "the domain lists that apply to this agent permit no domain at all")
    if not permitted(host, url.path, context.config, context.networking):
        raise FetchError("url_not_allowed", f"web_fetch may not reach {host} in this session")
