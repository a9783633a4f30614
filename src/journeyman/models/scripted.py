"""A scripted model: no intelligence, real stream events. It serves the demo and the tests."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

import orjson

from journeyman.models.port import JsonObject, ModelCard, ModelError, ModelRequest

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Say:
    """A text block, a delta for each part."""

    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Think:
    """A thinking block, a delta for each part."""

    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool_use block."""

    name: str
    input: JsonObject


Block = Say | Think | Call


@dataclass(frozen=True, slots=True)
class Script:
    """One answer: what it says and how it goes wrong. Times are in seconds.

    `error` is raised before the first event, or after `error_after` deltas. `stall` is one pause after `stall_after`.
    """

    blocks: Sequence[Block]
    stop_reason: str = "end_turn"
    error: ModelError | None = None
    error_after: int | None = None
    ttft: float | None = None
    gap: float | None = None
    stall: float = 0.0
    stall_after: int = 1


class ScriptedModel:
    """Answers each request with the script that `answer` makes of it.

    `ttft` is the wait before the first event, `gap` the one between deltas, where the script names none.
    """

    def __init__(self, answer: Callable[[ModelRequest], Script], ttft: float = 0.0, gap: float = 0.0) -> None:
        self._answer = answer
        self._ttft = ttft
        self._gap = gap
        self._numbers = itertools.count(1)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
        """The events of one answer. Raises the script's ModelError."""
        script = self._answer(request)
        ttft = self._ttft if script.ttft is None else script.ttft
        if ttft:
            await asyncio.sleep(ttft)
        if script.error is not None and script.error_after is None:
            raise script.error
        deltas = 0
        for event in _events(script, request, next(self._numbers)):
            if event["type"] == "content_block_delta":
                await self._before_delta(script, deltas)
                deltas += 1
            yield event

    async def list(self) -> list[ModelCard]:
        """Empty: a scripted model goes by the ids it is configured with."""
        return []

    async def close(self) -> None:
        """Nothing to release."""

    async def _before_delta(self, script: Script, sent: int) -> None:
        if script.error is not None and script.error_after is not None and sent >= script.error_after:
            raise script.error
        gap = self._gap if script.gap is None else script.gap
        if script.stall and sent == script.stall_after:
            await asyncio.sleep(script.stall)
        elif gap and sent:
            await asyncio.sleep(gap)


def words(text: str) -> list[str]:
    """Cut after each run of white space; the parts joined are the text."""
    parts: list[str] = []
    start = 0
    for i in range(1, len(text)):
        if text[i - 1].isspace() and not text[i].isspace():
            parts.append(text[start:i])
            start = i
    parts.append(text[start:])
    return parts


def _events(script: Script, request: ModelRequest, number: int) -> list[JsonObject]:
    usage = {
        "input_tokens": _tokens(orjson.dumps([request.system, request.messages, request.tools])),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    }
    message: JsonObject = {
        "id": f"msg_scripted_{number}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    events: list[JsonObject] = [{"type": "message_start", "message": message}]
    written = 0
    for index, block in enumerate(script.blocks):
        start, deltas = _block(block, f"{number}_{index}")
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
        written += sum(
            len(delta[key]) for delta in deltas for key in ("text", "thinking", "partial_json") if key in delta
        )
    final = {**usage, "output_tokens": max(1, written // _CHARACTERS_PER_TOKEN)}
    ending = {"stop_reason": script.stop_reason, "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": ending, "usage": final}, {"type": "message_stop"}]


def _block(block: Block, name: str) -> tuple[JsonObject, list[JsonObject]]:
    """The block as it starts, and its deltas."""
    match block:
        case Say(parts):
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in parts]
        case Think(parts):
            deltas: list[JsonObject] = [{"type": "thinking_delta", "thinking": part} for part in parts]
            deltas.append({"type": "signature_delta", "signature": f"scripted_{name}"})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case Call(tool, values):
            text = orjson.dumps(values).decode()
            pieces = [text[i : i + 64] for i in range(0, len(text), 64)]
            start: JsonObject = {"type": "tool_use", "id": f"toolu_scripted_{name}", "name": tool, "input": {}}
            return start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def _tokens(text: bytes) -> int:
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)
