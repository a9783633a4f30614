"""Which URLs a conversation has shown, and finding the one that a call means. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from yarl import URL

Source = Literal["user_input", "client_tool_results", "server_tool_results", "agent_message"]

_URL = re.compile(r"https?://(?:\[[0-9a-f:.]+\])?[^\s<>\"`\\^{}|\[\]]*", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w@/.:-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?:/[^\s<>\"`\\^{}|\[\]]*)?", re.IGNORECASE
)
_CLOSING = {")": "(", "]": "["}
_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|ref")


class Mention(NamedTuple):
    """A URL as the conversation shows it, and by which way it came in."""

    url: str
    source: Source
    tool: str = ""


class Match(NamedTuple):
    url: str
    exact: bool


def urls_in(text: str, *, bare: bool = False) -> Iterator[str]:
    """The http(s) URLs in a text, without the punctuation around them; `bare` adds names such as example.com/x."""
    for found in _URL.findall(text):
        if len(url := _trimmed(found)) > len("https://"):
            yield url
    if bare:
        yield from (f"https://{_trimmed(found)}" for found in _BARE.findall(text))


def _trimmed(url: str) -> str:
    """Without the sentence's punctuation and without a bracket that opened before the URL."""
    while url:
        last = url[-1]
        unbalanced = last in _CLOSING and url.count(last) > url.count(_CLOSING[last])
        if last not in ".,;:!?'*_~" and not unbalanced:
            break
        url = url[:-1]
    return url


def mentions(event: dict[str, Any], tool: str = "") -> Iterator[Mention]:
    """The URLs that one event of a log shows; `tool` is the name of the tool whose result it is.

    What bash, the file tools and MCP servers print, and what the agent itself writes, is no source.
    """
    source = _source(event.get("type", ""), tool)
    if source is None:
        return
    blocks: list[dict[str, Any]] = event.get("content") or []
    for block in blocks:
        for text in _texts(block):
            yield from (Mention(url, source, tool) for url in urls_in(text, bare=source == "user_input"))


def _source(kind: str, tool: str) -> Source | None:
    match kind:
        case "user.message" | "system.message":
            return "user_input"
        case "user.custom_tool_result":
            return "client_tool_results"
        case "agent.tool_result" | "user.tool_result" if tool in {"web_search", "web_fetch"}:
            return "server_tool_results"
        case "agent.thread_message_received":
            return "agent_message"
        case _:
            return None


def _texts(block: dict[str, Any]) -> Iterator[str]:
    """Everything in a content block that the model can read."""
    for key in ("text", "title", "context", "data", "url"):
        if isinstance(value := block.get(key), str):
            yield value
    source: str | dict[str, Any] | None = block.get("source")
    if isinstance(source, str):
        yield source
    elif source and source["type"] in {"text", "url"}:
        yield from _texts(source)
    parts: list[dict[str, Any]] = block.get("content") or []
    for part in parts:
        yield from _texts(part)


def seen(mentioned: Iterable[Mention], url_sources: dict[str, Any] | None) -> frozenset[str]:
    """The URLs that may be fetched under a tool's `url_sources` setting (None: every source)."""
    return frozenset(m.url for m in mentioned if _admitted(m, (url_sources or {}).get(m.source)))


def _admitted(mention: Mention, rule: dict[str, Any] | str | None) -> bool:
    if rule is None or isinstance(rule, str):
        return rule != "none"
    tools: list[dict[str, Any]] = rule.get("tools") or []
    named = mention.tool in {tool["name"] for tool in tools}
    return {"all": True, "none": False, "only": named, "except": not named}[rule["type"]]


def match(url: str, among: Iterable[str]) -> Match | None:
    """The shown URL that `url` means: the same one, else one that differs in spelling only."""
    shown = sorted(among)
    wanted, near = normal(url), _loose(url)
    if wanted is None:
        return None
    alike = [candidate for candidate in shown if _loose(candidate) == near]
    same = [candidate for candidate in alike if normal(candidate) == wanted]
    if same:
        return Match(same[0], exact=True)
    return Match(alike[0], exact=False) if alike else None


def normal(url: str) -> str | None:
    """One spelling for the same request: no fragment, no default port, lower-case host. None: not a URL."""
    try:
        parsed = URL(url.strip())
    except ValueError:
        return None
    if not parsed.raw_host or parsed.scheme not in {"http", "https"}:
        return None
    return str(parsed.with_fragment(None).with_path(parsed.path or "/", keep_query=True))


def _loose(url: str) -> tuple[str, str, tuple[tuple[str, str], ...]] | None:
    """What is left of a URL without scheme, www., letter case, final slash and tracking parameters."""
    if (plain := normal(url)) is None:
        return None
    parsed = URL(plain)
    host = f"{(parsed.raw_host or '').removeprefix('www.')}:{parsed.explicit_port or ''}"
    query = sorted((k, v) for k, v in parsed.query.items() if not _TRACKING.fullmatch(k))
    return host, parsed.path.casefold().rstrip("/"), tuple(query)
