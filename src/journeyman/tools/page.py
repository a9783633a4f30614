"""What was downloaded as one document block."""

import asyncio
import base64
import re
from typing import Any, NamedTuple

from journeyman.tools import pdf
from journeyman.tools.download import Download, FetchError
from journeyman.tools.html import MAX_MARKUP, readable
from journeyman.tools.text import decode, printable, size

_CHARACTERS_PER_TOKEN = 4
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]+)", re.IGNORECASE)
_TEXT_TYPES = re.compile(
    r"text/.*|application/((.*\+)?(json|xml|yaml)|(x-)?(javascript|ecmascript|yaml|sh|toml|ndjson|tex|latex|sql)"
    r"|rtf|graphql|x-httpd-php|x-www-form-urlencoded)|image/svg\+xml|message/.*"
)


class Document(NamedTuple):
    block: dict[str, Any]
    links: tuple[str, ...] = ()


async def document(got: Download, max_tokens: int | None) -> Document:
    """Raises FetchError for what is neither text nor PDF."""
    kind = _kind(got)
    if kind == "pdf":
        return await _pdf(got, max_tokens)
    if kind == "html":
        markup = decode(got.body, _charset(got))
        page = await asyncio.to_thread(readable, markup, got.url)
        cut = got.cut or len(markup) > MAX_MARKUP
        return Document(_text_block(page.text, page.title, max_tokens, cut=cut), page.links)
    if kind == "text":
        return Document(_text_block(decode(got.body, _charset(got)), None, max_tokens, cut=got.cut))
    raise FetchError(
        "unsupported_content_type",
        f"{got.url} is {got.content_type or 'binary data'}; only text, HTML and PDF can be read. "
        "Download it with curl in bash if the sandbox's network allows it",
    )


def _kind(got: Download) -> str:
    """By the declared type; where that says nothing, by the first bytes."""
    if got.content_type == "application/pdf" or got.body.startswith(b"%PDF-"):
        return "pdf"
    if got.content_type in {"text/html", "application/xhtml+xml"}:
        return "html"
    if _TEXT_TYPES.fullmatch(got.content_type):
        return "text"
    if got.content_type in {"", "application/octet-stream", "binary/octet-stream"} and b"\0" not in got.body[:8192]:
        return "html" if re.match(rb"\s*(<!doctype html|<html)", got.body, re.IGNORECASE) else "text"
    return "other"


def _charset(got: Download) -> str:
    if got.charset:
        return got.charset
    declared = _META_CHARSET.search(got.body[:2048])
    return declared[1].decode("ascii") if declared else "utf-8"


async def _pdf(got: Download, max_tokens: int | None) -> Document:
    if got.cut:
        raise FetchError("url_not_accessible", f"the PDF at {got.url} is larger than {size(len(got.body))}")
    try:
        found = await asyncio.to_thread(pdf.extract, got.body)
    except ValueError as error:
        raise FetchError("unsupported_content_type", f"{got.url}: {error}") from error
    if found.text:
        rest = f"\n\n[Pages 1 to {found.read} of {found.pages}.]" if found.read < found.pages else ""
        return Document(_text_block(found.text + rest, found.title, max_tokens, cut=False))
    data = base64.b64encode(got.body).decode()
    return Document(_block({"type": "base64", "media_type": "application/pdf", "data": data}, found.title))


def _text_block(text: str, title: str | None, max_tokens: int | None, *, cut: bool) -> dict[str, Any]:
    limit = max_tokens * _CHARACTERS_PER_TOKEN if max_tokens else None
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}\n\n[Cut here: the page has {len(text):,} characters.]"
    elif cut:
        text += "\n\n[Cut here: the page is larger than can be fetched.]"
    return _block({"type": "text", "media_type": "text/plain", "data": printable(text)}, title)


def _block(source: dict[str, Any], title: str | None) -> dict[str, Any]:
    return {"type": "document", "source": source, "title": printable(title) if title else None, "context": None}
