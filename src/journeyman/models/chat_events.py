"""The chunks of a Chat Completions stream as events of the Anthropic Messages stream."""

import secrets
from collections.abc import Iterator

from journeyman.models.errors import broken_stream
from journeyman.models.port import JsonObject

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
_DELTAS = {"text": "text_delta", "thinking": "thinking_delta"}


class ChatEvents:
    """The translation of one answer. Chunks are plain dicts: compatible servers leave out what the API requires."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = False
        self._blocks = 0
        self._prose: tuple[str, int] | None = None
        """The open text or thinking block: kind and index."""
        self._calls: dict[object, int] = {}
        """Open tool_use blocks: the server's key for the call, our index."""
        self._empty_calls: set[int] = set()
        self._call_ids: dict[object, str] = {}
        self._finish: str | None = None
        self._refused = False
        self._usage: JsonObject = {}

    def feed(self, chunk: JsonObject) -> Iterator[JsonObject]:
        """The events that this chunk brings."""
        if not self._started:
            self._started = True
            yield self._message_start(chunk)
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            yield from self._delta(choice.get("delta") or {})
            self._finish = choice.get("finish_reason") or self._finish

    def end(self) -> Iterator[JsonObject]:
        """The last events. Raises ModelError when the answer never finished."""
        if self._finish is None:
            raise broken_stream("it ended without a finish_reason")
        yield from self._stop_prose()
        for index in self._calls.values():
            if index in self._empty_calls:
                yield _delta(index, {"type": "input_json_delta", "partial_json": "{}"})
            yield {"type": "content_block_stop", "index": index}
        ending = {"stop_reason": self._stop_reason(self._finish), "stop_sequence": None}
        yield {"type": "message_delta", "delta": ending, "usage": _usage(self._usage)}
        yield {"type": "message_stop"}

    def _message_start(self, chunk: JsonObject) -> JsonObject:
        message: JsonObject = {
            "id": chunk.get("id") or f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": chunk.get("model") or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage({}),
        }
        return {"type": "message_start", "message": message}

    def _delta(self, delta: JsonObject) -> Iterator[JsonObject]:
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            yield from self._write("thinking", reasoning)
        if content := delta.get("content"):
            yield from self._write("text", content)
        if refusal := delta.get("refusal"):
            self._refused = True
            yield from self._write("text", refusal)
        for call in delta.get("tool_calls") or ():
            yield from self._call(call)

    def _write(self, kind: str, text: object) -> Iterator[JsonObject]:
        if not isinstance(text, str):
            return
        if self._prose is None or self._prose[0] != kind:
            yield from self._stop_prose()
            block = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            self._prose = (kind, self._blocks)
            yield self._start(block)
        yield _delta(self._prose[1], {"type": _DELTAS[kind], kind: text})

    def _call(self, call: JsonObject) -> Iterator[JsonObject]:
        function: JsonObject = call.get("function") or {}
        key = call.get("index")
        # Some servers number every call 0 and tell them apart by id only.
        if call.get("id") and self._call_ids.get(key, call["id"]) != call["id"]:
            key = call["id"]
        if key not in self._calls:
            yield from self._start_call(key, call, function)
        index = self._calls[key]
        if arguments := function.get("arguments"):
            self._empty_calls.discard(index)
            yield _delta(index, {"type": "input_json_delta", "partial_json": arguments})

    def _start_call(self, key: object, call: JsonObject, function: JsonObject) -> Iterator[JsonObject]:
        yield from self._stop_prose()
        self._calls[key] = self._blocks
        self._empty_calls.add(self._blocks)
        self._call_ids[key] = call.get("id") or f"call_{secrets.token_hex(12)}"
        name = function.get("name") or ""
        yield self._start({"type": "tool_use", "id": self._call_ids[key], "name": name, "input": {}})

    def _start(self, block: JsonObject) -> JsonObject:
        self._blocks += 1
        return {"type": "content_block_start", "index": self._blocks - 1, "content_block": block}

    def _stop_prose(self) -> Iterator[JsonObject]:
        if self._prose is not None:
            yield {"type": "content_block_stop", "index": self._prose[1]}
            self._prose = None

    def _stop_reason(self, finish: str) -> str:
        reason = "refusal" if self._refused else _STOP_REASONS.get(finish, "end_turn")
        # Some servers finish with "stop" although they call tools.
        return "tool_use" if reason == "end_turn" and self._calls else reason


def _delta(index: int, delta: JsonObject) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _usage(usage: JsonObject) -> JsonObject:
    """Anthropic counts cached tokens beside the input tokens, OpenAI among them."""
    details: JsonObject = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
    return {
        "input_tokens": max(0, (usage.get("prompt_tokens") or 0) - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": usage.get("completion_tokens") or 0,
    }
