"""Requests as short as a test wants them, and answers put together from their events."""

import itertools
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson

from journeyman.models.port import JsonObject, Model, ModelRequest

BASH: JsonObject = {
    "name": "bash",
    "description": "Run a shell command.",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
_numbers = itertools.count()


def unique() -> str:
    """Marks a script, so that its attempts are counted apart."""
    return f"#id=test{next(_numbers)}"


def request(*messages: str | JsonObject, tools: list[JsonObject] | None = None, **fields: Any) -> ModelRequest:
    """A request; plain texts are user messages."""
    said = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    values: JsonObject = {"model": "claude-opus-5", "system": [], "max_tokens": 1000} | fields
    return ModelRequest(messages=said, tools=[BASH] if tools is None else tools, **values)


@dataclass
class Answer:
    """What a whole stream amounted to."""

    message: JsonObject = field(default_factory=dict[str, Any])
    content: list[JsonObject] = field(default_factory=list[JsonObject])
    deltas: int = 0
    stop_reason: str | None = None
    usage: JsonObject = field(default_factory=dict[str, Any])
    types: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "".join(block["text"] for block in self.content if block["type"] == "text")

    def add(self, event: JsonObject) -> None:
        self.types.append(event["type"])
        match event["type"]:
            case "message_start":
                self.message = event["message"]
                self.usage = dict(self.message["usage"])
            case "content_block_start":
                assert event["index"] == len(self.content)
                self.content.append(dict(event["content_block"]))
            case "content_block_delta":
                self.deltas += 1
                self._delta(self.content[event["index"]], event["delta"])
            case "content_block_stop":
                block = self.content[event["index"]]
                if block["type"] == "tool_use":
                    block["input"] = orjson.loads(block.pop("json", "") or "{}")
            case "message_delta":
                self.stop_reason = event["delta"]["stop_reason"]
                self.usage |= event["usage"]

    def _delta(self, block: JsonObject, delta: JsonObject) -> None:
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] += delta["signature"]
            case "input_json_delta":
                block["json"] = block.get("json", "") + delta["partial_json"]


async def answer(model: Model, asked: ModelRequest) -> Answer:
    """The whole answer. Raises ModelError."""
    whole = Answer()
    async with aclosing(model.stream(asked)) as events:
        async for event in events:
            whole.add(event)
    return whole
