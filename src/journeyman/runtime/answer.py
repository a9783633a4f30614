"""One answer of the model as it streams in: previews on the way, whole blocks at the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from journeyman.models.port import ModelError
from journeyman.runtime.draft import ModelUsage
from journeyman.wire.ids import new_id

JsonObject = dict[str, Any]

Preview = Callable[[str, JsonObject], None]
"""Called with the type of the event previewed and the preview frame."""


@dataclass(slots=True)
class _Block:
    content: JsonObject
    event_id: str
    index: int = 0
    """The place among the text blocks of its `agent.message`."""
    parts: list[str] = field(default_factory=list[str])
    whole: bool = False


class Answer:
    """Collects stream events. `blocks` are whole when `stop_reason` is set."""

    def __init__(self, preview: Preview | None) -> None:
        self._preview = preview
        self._blocks: dict[int, _Block] = {}
        self.usage = ModelUsage()
        self.stop_reason: str | None = None
        self.stop_details: JsonObject | None = None
        self.announced: str | None = None
        """The name of a tool whose call has just begun; the reader clears it."""
        self.thought: str | None = None
        """The event id of a thinking block that has just ended; the reader clears it."""

    def take(self, event: JsonObject) -> None:
        """Take in one event of the Messages stream. Raises ModelError for one that is malformed."""
        try:
            self._take(event)
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelError("failed", f"The model's stream was malformed: {error!r}", transient=True) from error

    def _take(self, event: JsonObject) -> None:
        match event["type"]:
            case "message_start":
                self._count(event["message"].get("usage") or {})
            case "content_block_start":
                self._start(event["index"], event["content_block"])
            case "content_block_delta":
                self._delta(self._blocks[event["index"]], event["delta"])
            case "content_block_stop":
                self._stop(self._blocks[event["index"]])
            case "message_delta":
                self.stop_reason = event["delta"].get("stop_reason")
                self.stop_details = event["delta"].get("stop_details")
                self._count(event.get("usage") or {})
            case _:
                pass

    def blocks(self) -> list[tuple[str, JsonObject]]:
        """The blocks in order, each with its event id; consecutive text blocks share one. Empty text is left out."""
        return [
            (block.event_id, block.content)
            for _, block in sorted(self._blocks.items())
            if block.whole and (block.content["type"] != "text" or block.content["text"])
        ]

    def _start(self, place: int, content: JsonObject) -> None:
        before = self._blocks.get(place - 1)
        follows = content["type"] == "text" and before is not None and before.content["type"] == "text"
        if follows and before is not None:
            block = _Block(dict(content), before.event_id, before.index + 1)
        else:
            block = _Block(dict(content), new_id("sevt"))
            self._announce(block)
        self._blocks[place] = block
        if content["type"] == "tool_use":
            self.announced = content["name"]
        if content.get("text"):
            self._delta(block, {"type": "text_delta", "text": content["text"]})

    def _announce(self, block: _Block) -> None:
        of = {"text": "agent.message", "thinking": "agent.thinking"}.get(block.content["type"])
        if of is not None and self._preview is not None:
            self._preview(of, {"type": "event_start", "event": {"type": of, "id": block.event_id}})

    def _delta(self, block: _Block, delta: JsonObject) -> None:
        match delta:
            case {"type": "text_delta", "text": text}:
                block.parts.append(text)
                if self._preview is not None:
                    content = {"type": "content_delta", "index": block.index, "content": {"type": "text", "text": text}}
                    frame = {"type": "event_delta", "event_id": block.event_id, "delta": content}
                    self._preview("agent.message", frame)
            case {"type": "input_json_delta", "partial_json": text} | {"type": "thinking_delta", "thinking": text}:
                block.parts.append(text)
            case {"type": "signature_delta", "signature": signature}:
                block.content["signature"] = signature
            case _:
                pass

    def _stop(self, block: _Block) -> None:
        whole = "".join(block.parts)
        match block.content["type"]:
            case "text":
                block.content = {"type": "text", "text": whole}
            case "thinking":
                block.content["thinking"] = whole
                self.thought = block.event_id
            case "redacted_thinking":
                self.thought = block.event_id
            case "tool_use":
                block.content["id"] = block.event_id
                block.content["input"] = _input(whole, block.content.get("input"))
            case _:
                pass
        block.whole = True

    def _count(self, usage: JsonObject) -> None:
        for key in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"):
            if usage.get(key) is not None:
                setattr(self.usage, key, usage[key])
        creation: JsonObject = usage.get("cache_creation") or {}
        self.usage.cache_write_1h = creation.get("ephemeral_1h_input_tokens") or self.usage.cache_write_1h


def _input(text: str, given: Any) -> JsonObject:
    if not text:
        return given if isinstance(given, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"_unparsed": text}
    return value if isinstance(value, dict) else {"_unparsed": text}  # pyright: ignore[reportUnknownVariableType]
