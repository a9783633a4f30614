"""Summarising a history that nears the model's window."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from journeyman.models.port import ModelRequest

JsonObject = dict[str, Any]

_ASK = (
    "The conversation is about to be replaced by a summary of it, because it nears the limit of your context. Write "
    "that summary now, as text, without calling a tool: the task and every requirement and preference stated so far, "
    "what was done and found out, the files and commands that matter with their exact paths, decisions and their "
    "reasons, errors met and how they were solved, and what is still to be done, in order."
)
_CLIP = 1_500


def compaction_request(request: ModelRequest, *, clip: bool) -> ModelRequest:
    """The request that asks for a summary of `request`'s conversation; with `clip`, long tool results are shortened."""
    messages = [_clipped(message) for message in request.messages] if clip else list(request.messages)
    ask = {"type": "text", "text": _ASK}
    if messages and messages[-1]["role"] == "user":
        messages[-1] = {"role": "user", "content": [*messages[-1]["content"], ask]}
    else:
        messages.append({"role": "user", "content": [ask]})
    return replace(request, messages=messages)


def summary_blocks(summary: str, last_words: Sequence[str]) -> list[JsonObject]:
    """What the conversation starts with after compaction: the summary, and the person's last words as they were."""
    blocks = [{"type": "text", "text": f"Summary of the conversation so far:\n\n{summary}"}]
    if last_words:
        said = "\n".join(last_words)
        blocks.append({"type": "text", "text": f"The user's last message was:\n\n{said}"})
    return blocks


def _clipped(message: JsonObject) -> JsonObject:
    return {"role": message["role"], "content": [_clipped_block(block) for block in message["content"]]}


def _clipped_block(block: JsonObject) -> JsonObject:
    match block:
        case {"type": "tool_result"}:
            return {**block, "content": [_clipped_block(inner) for inner in block["content"]]}
        case {"type": "text", "text": str(text)} if len(text) > _CLIP:
            return {**block, "text": f"{text[:_CLIP]} […]"}
        case {"type": "image" | "document"}:
            return {"type": "text", "text": f"[{block['type']}]"}
        case _:
            return block
