"""A ModelRequest in the shapes of the OpenAI Chat Completions API."""

from collections.abc import Iterator

import orjson

from journeyman.models.port import JsonObject, ModelRequest

OPTIONAL_PARAMETERS = ("max_completion_tokens", "reasoning_effort", "service_tier", "stream_options")
"""What not every compatible server takes; a request can do without."""


def chat_parameters(request: ModelRequest, without: frozenset[str] = frozenset()) -> JsonObject:
    """The parameters of one streaming request, leaving out the optional ones in `without`."""
    parameters: JsonObject = {
        "model": request.model,
        "messages": list(_messages(request)),
        "max_completion_tokens": request.max_tokens,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        parameters["tools"] = [_tool(tool) for tool in request.tools]
    if request.effort is not None:
        parameters["reasoning_effort"] = request.effort
    if request.speed != "standard":
        parameters["service_tier"] = request.speed
    if "max_completion_tokens" in without:
        parameters["max_tokens"] = request.max_tokens
    return {name: value for name, value in parameters.items() if name not in without}


def _messages(request: ModelRequest) -> Iterator[JsonObject]:
    if request.system:
        yield {"role": "system", "content": _joined(request.system)}
    for message in request.messages:
        blocks = _blocks(message["content"])
        match message["role"]:
            case "assistant":
                yield _assistant(blocks)
            case "system":
                yield {"role": "system", "content": _joined(blocks)}
            case _:
                yield from _user(blocks)


def _assistant(blocks: list[JsonObject]) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": _joined(blocks) or None}
    calls = [_tool_call(block) for block in blocks if block["type"] == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    # Only reasoning that came through here lacks a signature; its servers want it back with the calls.
    reasoning = [b["thinking"] for b in blocks if b["type"] == "thinking" and not b.get("signature")]
    if reasoning:
        message["reasoning_content"] = "".join(reasoning)
    return message


def _user(blocks: list[JsonObject]) -> Iterator[JsonObject]:
    """Tool messages first, directly behind the calls. They hold only text: what else a result has follows as user."""
    parts: list[JsonObject] = []
    for block in blocks:
        if block["type"] != "tool_result":
            parts += _parts(block)
            continue
        inner = [part for item in _blocks(block.get("content")) for part in _parts(item)]
        text = "\n".join(part["text"] for part in inner if part["type"] == "text")
        attached = [part for part in inner if part["type"] != "text"]
        yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _result_text(block, text, attached)}
        if attached:
            parts += [{"type": "text", "text": f"What tool call {block['tool_use_id']} returned:"}, *attached]
    if all(part["type"] == "text" for part in parts):
        text = "\n\n".join(part["text"] for part in parts)
        parts_or_text: list[JsonObject] | str = text
    else:
        parts_or_text = parts
    if parts:
        yield {"role": "user", "content": parts_or_text}


def _result_text(result: JsonObject, text: str, attached: list[JsonObject]) -> str:
    if not text:
        text = "(see the next user message)" if attached else "(no output)"
    return f"The tool call failed: {text}" if result.get("is_error") else text


def _parts(block: JsonObject) -> list[JsonObject]:
    """Content parts for a text, image, document or search result block."""
    match block["type"]:
        case "text":
            return [_text(block["text"])]
        case "image":
            return [_image(block["source"])]
        case "document":
            return _document(block)
        case "search_result":
            body = _joined(_blocks(block.get("content")))
            return [_text(f"{block.get('title') or ''}\n{block.get('source') or ''}\n{body}".strip())]
        case _:
            return [_text(orjson.dumps(block).decode())]


def _image(source: JsonObject) -> JsonObject:
    url = source["url"] if source["type"] == "url" else f"data:{source['media_type']};base64,{source['data']}"
    return {"type": "image_url", "image_url": {"url": url}}


def _document(block: JsonObject) -> list[JsonObject]:
    source: JsonObject = block["source"]
    title = block.get("title") or "document"
    match source["type"]:
        case "base64":
            data = f"data:{source['media_type']};base64,{source['data']}"
            return [{"type": "file", "file": {"filename": title, "file_data": data}}]
        case "text":
            return [_text(f"{title}:\n{source['data']}")]
        case "content":
            return [_text(f"{title}:"), *(part for item in _blocks(source["content"]) for part in _parts(item))]
        case _:
            return [_text(f"{title}: {source.get('url') or source.get('file_id') or ''}")]


def _tool(tool: JsonObject) -> JsonObject:
    function: JsonObject = {
        "name": tool["name"],
        "parameters": tool.get("input_schema") or {"type": "object", "properties": {}},
    }
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _tool_call(block: JsonObject) -> JsonObject:
    arguments = orjson.dumps(block["input"]).decode()
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _joined(blocks: list[JsonObject]) -> str:
    return "\n\n".join(block["text"] for block in blocks if block["type"] == "text" and block["text"])


def _blocks(content: str | list[JsonObject] | None) -> list[JsonObject]:
    return [_text(content)] if isinstance(content, str) else content or []
