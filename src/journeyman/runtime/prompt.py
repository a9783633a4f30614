"""What a model is asked: a prefix that never changes within a session, then the history, with cache breakpoints."""

from collections.abc import Sequence
from typing import Any

from journeyman.models.port import ModelRequest
from journeyman.runtime.skills import announcement
from journeyman.runtime.thread import Thread

JsonObject = dict[str, Any]

_CACHE = {"type": "ephemeral"}

_ABOUT_THE_COMPUTER = (
    "You work by yourself in a Linux sandbox of your own, through the tools you are given. The working directory is "
    "/workspace. Files that the user attached are in /mnt/session/uploads. "
    "Put files that the user asked for into /mnt/session/outputs when they are meant to be taken away. "
    "Carry the task to its end before you answer, and say plainly what you could not do."
)


def build_request(
    thread: Thread,
    tools: Sequence[JsonObject],
    max_tokens: int,
    notes: Sequence[str] = (),
    skills: Sequence[JsonObject] = (),
) -> ModelRequest:
    """The request for a thread's next answer. Breakpoints: the tools, the system prompt, the last two user turns.

    `notes` are what the model is to know of this session's computer.
    """
    model = thread.model
    effort: JsonObject = model.get("effort") or {}
    return ModelRequest(
        model=model["id"],
        system=_system(thread.agent, notes, skills, has_computer=any("name" in tool for tool in tools)),
        messages=_with_breakpoints(thread.history),
        tools=_last_cached(tools),
        max_tokens=max_tokens,
        effort=effort.get("type"),
        speed=model.get("speed") or "standard",
    )


def _system(
    agent: JsonObject, notes: Sequence[str], skills: Sequence[JsonObject], *, has_computer: bool
) -> list[JsonObject]:
    texts = [agent["system"]] if agent["system"] else []
    if has_computer:
        texts.append("\n".join([_ABOUT_THE_COMPUTER, *notes]))
    if skills:
        texts.append(announcement(skills))
    return _last_cached([{"type": "text", "text": text} for text in texts])


def _with_breakpoints(history: Sequence[JsonObject]) -> list[JsonObject]:
    messages = list(history)
    users = [place for place, message in enumerate(messages) if message["role"] == "user"]
    for place in users[-2:]:
        messages[place] = {"role": "user", "content": _last_cached(messages[place]["content"])}
    return messages


def _last_cached(blocks: Sequence[JsonObject]) -> list[JsonObject]:
    if not blocks:
        return []
    return [*blocks[:-1], {**blocks[-1], "cache_control": _CACHE}]
