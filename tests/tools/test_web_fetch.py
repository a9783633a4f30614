"""web_fetch against a real server on this machine."""

import asyncio
import base64
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from journeyman.tools.port import ToolCall, ToolContext, ToolResult
from journeyman.tools.registry import Toolset

pytestmark = pytest.mark.anyio

Serve = Callable[[web.Application], Awaitable[str]]
PAGE = """<!doctype html><html><head><title> A   Guide </title><meta name="description" content="All about it">
<meta name="author" content="Ada"></head><body><nav><a href="/hidden#x">menu</a></nav><article><h1>Guide</h1>
<p>The first paragraph says enough to be the main text of this page, as an article would have it.</p>
<p>The second one links <a href="next">to the next page</a> and goes on for a while, too.</p></article></body></html>"""


def _pdf(text: str) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(width=300, height=300)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
    page[NameObject("/Contents")] = writer._add_object(stream)
    writer.add_metadata({"/Title": "Paper"})
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@cache
def _bomb() -> bytes:
    return gzip.compress(b"y" * 60_000_000)


@pytest.fixture
async def site(serve: Serve) -> str:
    app = web.Application()

    def answers(path: str, body: bytes | str, content_type: str, **headers: str) -> None:
        async def handle(request: web.Request) -> web.Response:
            data = body.encode() if isinstance(body, str) else body
            return web.Response(body=data, headers={"Content-Type": content_type, **headers})

        app.router.add_get(path, handle)

    def redirects(path: str, to: str) -> None:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": to})

        app.router.add_get(path, handle)

    async def agent(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.headers['User-Agent']} {request.headers.get('Cookie', 'no cookie')}")

    app.router.add_get("/agent", agent)
    answers("/page", PAGE, "text/html; charset=utf-8")
    answers("/bare", "<html><body><p>Hello.</p></body></html>", "text/html")
    answers("/latin", "gr\u00fc\u00df dich".encode("latin-1"), "text/plain; charset=iso-8859-1")
    answers("/data.json", '{"a": 1}', "application/json")
    answers("/nul", b"a\0b", "text/plain")
    answers("/big", "x" * 11_000_000, "text/plain")
    answers("/bomb", _bomb(), "text/plain", **{"Content-Encoding": "gzip"})
    answers("/image.png", b"\x89PNG\r\n\x1a\n\0\0", "image/png")
    answers("/paper.pdf", _pdf("Hello from the paper"), "application/pdf")
    answers("/scan.pdf", _pdf(""), "application/pdf")
    answers("/broken.pdf", b"%PDF-1.7 nothing", "application/pdf")
    answers("/untyped", b"plain words", "application/octet-stream")
    redirects("/moved", "/page")
    redirects("/loop", "/loop")
    redirects("/metadata", "http://169.254.169.254/latest/meta-data/")
    redirects("/secret", "http://user:pass@127.0.0.1/")
    redirects("/file", "file:///etc/passwd")
    redirects("/mapped", "http://[::ffff:169.254.169.254]/")
    return await serve(app)


async def _fetch(url: str, context: ToolContext, *, seen: set[str] | None = None, **limits: Any) -> ToolResult:
    tool = Toolset(allow_private=["127.0.0.1"]).builtin("web_fetch")
    networking = limits.pop("networking", {})
    shown = frozenset({url} if seen is None else seen)
    context = replace(context, config=limits, networking=networking, seen_urls=shown)
    return await tool.run(ToolCall("sevt_test", "web_fetch", {"url": url}), context)


def _error(result: ToolResult) -> str:
    assert result.is_error
    (block,) = result.content
    return block["text"]


async def test_a_page_is_one_document_with_its_metadata_before_the_text(site: str, context: ToolContext) -> None:
    """One `document` block: plain text with a metadata header that ends with the title; title; context null."""
    result = await _fetch(f"{site}/page", context)
    (block,) = result.content
    assert not result.is_error
    assert {key: block[key] for key in ("type", "title", "context")} == {
        "type": "document",
        "title": "A Guide",
        "context": None,
    }
    assert (block["source"]["type"], block["source"]["media_type"]) == ("text", "text/plain")
    header, _, text = block["source"]["data"].removeprefix("---\n").partition("\n---\n\n")
    assert header.splitlines() == ["author: Ada", "description: All about it", "title: A Guide"]
    assert "first paragraph" in text
    assert "menu" not in text


async def test_links_of_a_page_count_as_seen_though_its_text_leaves_some_out(site: str, context: ToolContext) -> None:
    result = await _fetch(f"{site}/page", context)
    assert result.links == (f"{site}/page", f"{site}/hidden", f"{site}/next")


async def test_a_page_without_metadata_has_no_header_and_no_title(site: str, context: ToolContext) -> None:
    """A page without metadata has no `---` header and `title: null`."""
    (block,) = (await _fetch(f"{site}/bare", context)).content
    assert block["source"]["data"] == "Hello."
    assert block["title"] is None


@pytest.mark.parametrize(
    ("path", "text"),
    [("/latin", "gr\u00fc\u00df dich"), ("/data.json", '{"a": 1}'), ("/nul", "a\ufffdb"), ("/untyped", "plain words")],
)
async def test_text_is_returned_as_it_is(site: str, context: ToolContext, path: str, text: str) -> None:
    (block,) = (await _fetch(site + path, context)).content
    assert block["source"]["data"] == text


async def test_a_pdf_is_its_text(site: str, context: ToolContext) -> None:
    (block,) = (await _fetch(f"{site}/paper.pdf", context)).content
    assert "Hello from the paper" in block["source"]["data"]
    assert block["title"] == "Paper"


async def test_a_pdf_without_text_is_handed_on(site: str, context: ToolContext) -> None:
    (block,) = (await _fetch(f"{site}/scan.pdf", context)).content
    assert block["source"]["media_type"] == "application/pdf"
    assert base64.b64decode(block["source"]["data"]).startswith(b"%PDF-")


async def test_redirects_are_followed(site: str, context: ToolContext) -> None:
    result = await _fetch(f"{site}/moved", context)
    assert result.content[0]["title"] == "A Guide"
    assert result.links[0] == f"{site}/page"


async def test_the_request_names_us_and_carries_no_cookie(site: str, context: ToolContext) -> None:
    (block,) = (await _fetch(f"{site}/agent", context)).content
    assert block["source"]["data"].startswith("Journeyman/")
    assert block["source"]["data"].endswith("no cookie")


async def test_max_content_tokens_cuts_the_text(site: str, context: ToolContext) -> None:
    (block,) = (await _fetch(f"{site}/page", context, max_content_tokens=5)).content
    text, _, note = block["source"]["data"].partition("\n\n[")
    assert len(text) == 20
    assert note.startswith("Cut here")


@pytest.mark.parametrize("path", ["/big", "/bomb"])
async def test_what_is_too_large_is_cut(site: str, context: ToolContext, path: str) -> None:
    (block,) = (await _fetch(site + path, context, max_content_tokens=2_600_000)).content
    assert len(block["source"]["data"]) < 10_000_100
    assert "larger than can be fetched" in block["source"]["data"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/image.png", "unsupported_content_type"),
        ("/broken.pdf", "unsupported_content_type"),
        ("/nothing", "url_not_accessible"),
        ("/loop", "url_not_accessible"),
        ("/metadata", "url_not_allowed"),
        ("/mapped", "url_not_allowed"),
        ("/secret", "invalid_tool_input"),
        ("/file", "invalid_tool_input"),
    ],
)
async def test_failures_name_their_code(site: str, context: ToolContext, path: str, code: str) -> None:
    """Errors are text that starts with `Web fetch error: <code> — `."""
    assert _error(await _fetch(site + path, context)).startswith(f"Web fetch error: {code} — ")


async def test_a_closed_port_is_not_accessible(context: ToolContext) -> None:
    assert "url_not_accessible" in _error(await _fetch("http://127.0.0.1:1/", context))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "127.0.0.1.",
        "169.254.169.254",
    ],
)
async def test_without_the_operators_leave_no_spelling_reaches_this_machine(
    site: str, context: ToolContext, host: str
) -> None:
    url = f"http://{host}:{site.rpartition(':')[2]}/agent"
    context = replace(context, seen_urls=frozenset({url}))
    result = await Toolset().builtin("web_fetch").run(ToolCall("sevt_test", "web_fetch", {"url": url}), context)
    assert not result.content[0]["text"].startswith("Journeyman/")
    assert _error(result).startswith(("Web fetch error: url_not_allowed — ", "Web fetch error: url_not_accessible — "))


async def test_a_name_that_resolves_to_loopback_is_refused_by_its_address(site: str, context: ToolContext) -> None:
    url = f"http://localhost:{site.rpartition(':')[2]}/agent"
    context = replace(context, seen_urls=frozenset({url}))
    result = await Toolset().builtin("web_fetch").run(ToolCall("sevt_test", "web_fetch", {"url": url}), context)
    assert "private or reserved address" in _error(result)


async def test_a_url_must_be_in_the_conversation(site: str, context: ToolContext) -> None:
    """A URL that the model wrote itself is refused with `url_not_in_prior_context`."""
    result = await _fetch(f"{site}/page?leak=secret", context, seen={f"{site}/page"})
    assert _error(result).startswith("Web fetch error: url_not_in_prior_context — ")


async def test_a_near_match_fetches_the_shown_url_and_says_so(site: str, context: ToolContext) -> None:
    """A near match fetches the URL shown and puts a note before the page."""
    result = await _fetch(f"{site}/PAGE/", context, seen={f"{site}/page"})
    note, page = result.content
    assert note["text"].startswith(f"Note: fetched {site}/page, not the URL you gave. ")
    assert page["title"] == "A Guide"


@pytest.mark.parametrize("url", ["ftp://a.test/x", "not a url", "http://", "javascript:alert(1)"])
async def test_what_is_no_web_url_is_refused(context: ToolContext, url: str) -> None:
    assert _error(await _fetch(url, context)).startswith("Web fetch error: invalid_tool_input — ")


async def test_domain_lists_are_enforced(site: str, context: ToolContext) -> None:
    blocked = await _fetch(f"{site}/page", context, blocked_domains=["127.0.0.1"])
    other = await _fetch(f"{site}/page", context, allowed_domains=["example.com"])
    none = await _fetch(f"{site}/page", context, allowed_domains=[])
    for result in (blocked, other, none):
        assert _error(result).startswith("Web fetch error: url_not_allowed — ")
    assert "no domain" in _error(none)


async def test_a_forbidden_host_is_named_as_such_even_when_the_conversation_never_showed_it(
    context: ToolContext,
) -> None:
    result = await _fetch("https://b.test/x", context, seen=set(), allowed_domains=["a.test"])
    assert _error(result).startswith("Web fetch error: url_not_allowed — ")


async def test_a_redirect_may_not_leave_the_domain_list(serve: Serve, context: ToolContext) -> None:
    app = web.Application()

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "https://elsewhere.test/x"})

    app.router.add_get("/", away)
    url = await serve(app)
    assert "may not reach elsewhere.test" in _error(await _fetch(url, context, allowed_domains=["127.0.0.1"]))


async def test_a_limited_environment_limits_the_web_too(site: str, context: ToolContext) -> None:
    """`allowed_hosts` of a limited environment binds web_fetch."""
    nothing = await _fetch(f"{site}/page", context, networking={"type": "limited", "allowed_hosts": []})
    assert _error(nothing).startswith(
        "Web fetch error: url_not_allowed — this session's environment allows no web hosts"
    )
    other = await _fetch(f"{site}/page", context, networking={"type": "limited", "allowed_hosts": ["a.test"]})
    assert "does not allow 127.0.0.1" in _error(other)
    allowed = await _fetch(f"{site}/page", context, networking={"type": "limited", "allowed_hosts": ["127.0.0.1"]})
    assert not allowed.is_error


async def test_missing_input_is_explained(context: ToolContext) -> None:
    tool = Toolset().builtin("web_fetch")
    result = await tool.run(ToolCall("sevt_test", "web_fetch", {"link": "https://a.test"}), context)
    assert _error(result) == (
        'web_fetch: invalid input: "url" is required; "link" is not a parameter. '
        "Parameters of web_fetch: url (required)."
    )


async def test_cancelling_ends_a_fetch_that_hangs(serve: Serve, context: ToolContext) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return web.Response()

    app = web.Application()
    app.router.add_get("/", hang)
    url = await serve(app)
    task = asyncio.create_task(_fetch(url, context))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1):
        await gone.wait()
