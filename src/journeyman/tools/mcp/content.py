"""What a server's tool gave, in blocks that a conversation can hold."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from journeyman.tools.media import recognise
from journeyman.tools.port import ToolResult

JsonObject = dict[str, Any]

_MOST_IMAGE = 3_750_000
_MOST_PDF = 10_000_000
_MOST_PIXELS = 8_000
_SHORTEST = 4
"""Of a secret that is looked for: a shorter one stands in any text."""


def tool_result(content: Sequence[JsonObject], structured: Any, *, is_error: bool) -> ToolResult:
    """From content blocks in MCP's shape; `structured` counts where there are none."""
    blocks = [block for each in content for block in _blocks(each)]
    if not blocks and structured is not None:
        blocks = [_text(orjson.dumps(structured, option=orjson.OPT_INDENT_2).decode())]
    return ToolResult(blocks or [_text("(no output)")], is_error)


def without(result: ToolResult, authorization: str | None) -> ToolResult:
    """The result without the credential of this header, should the server repeat it."""
    secret = (authorization or "").removeprefix("Bearer ")
    return replace(result, content=_redacted(result.content, secret)) if len(secret) >= _SHORTEST else result


def _redacted(value: Any, secret: str) -> Any:
    match value:
        case str():
            return value.replace(secret, "[redacted]")
        case list():
            return [_redacted(each, secret) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {key: _redacted(each, secret) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _blocks(block: JsonObject) -> list[JsonObject]:
    match block:
        case {"type": "text", "text": str(text)}:
            return [_text(text)] if text else []
        case {"type": "image" | "audio", "data": str(data)}:
            return [_binary(data, str(block.get("mimeType", "")), str(block["type"]))]
        case {"type": "resource", "resource": {"text": str(text), "uri": uri}}:
            source = {"type": "text", "media_type": "text/plain", "data": text}
            return [{"type": "document", "source": source, "title": str(uri), "context": None}] if text else []
        case {"type": "resource", "resource": {"blob": str(data), "uri": uri, **rest}}:
            return [_binary(data, str(rest.get("mimeType", "")), str(uri))]
        case {"type": "resource_link", "uri": uri}:
            told = [str(block[key]) for key in ("title", "name", "description", "mimeType") if block.get(key)]
            return [_text(f"[Resource {uri}: {', '.join(told)}]")]
        case _:
            return [_text(f"[Content of type {str(block.get('type'))[:50]}, which cannot be shown]")]


def _binary(encoded: str, declared: str, what: str) -> JsonObject:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return _text(f"[{what}: not valid base64]")
    media = recognise(data[:65_536])
    if media is None:
        return _text(f"[{what}: {len(data):,} bytes of {declared or 'an unknown type'}, which cannot be shown]")
    is_pdf = media.type == "application/pdf"
    if len(data) > (_MOST_PDF if is_pdf else _MOST_IMAGE) or max(media.width, media.height) > _MOST_PIXELS:
        return _text(f"[{what}: {media.type} of {len(data):,} bytes, too large to be shown]")
    source = {"type": "base64", "media_type": media.type, "data": encoded}
    if is_pdf:
        return {"type": "document", "source": source, "title": what, "context": None}
    return {"type": "image", "source": source}


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}
