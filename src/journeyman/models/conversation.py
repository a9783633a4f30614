"""How a scripted model finds its place: it keeps no state between requests, it reads the conversation."""

from collections.abc import Iterator

from journeyman.models.port import JsonObject


def texts(message: JsonObject) -> list[str]:
    """The text blocks of a message."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [block.get("text") or "" for block in _blocks(message) if block.get("type") == "text"]


def user_texts(messages: list[JsonObject]) -> Iterator[tuple[int, str, list[JsonObject]]]:
    """What the user said, last first: its message's place, the text, and the messages after it."""
    for place in range(len(messages) - 1, -1, -1):
        if messages[place]["role"] == "user":
            for text in reversed(texts(messages[place])):
                yield place, text, messages[place + 1 :]


def answers(messages: list[JsonObject]) -> int:
    """How often the assistant has answered in these messages."""
    return sum(message["role"] == "assistant" for message in messages)


def last_results(messages: list[JsonObject]) -> list[JsonObject]:
    """The tool results in the last message; none when it has none."""
    blocks = _blocks(messages[-1]) if messages else []
    return [block for block in blocks if block.get("type") == "tool_result"]


def result_text(result: JsonObject) -> str:
    """The text of a tool result."""
    return "\n".join(texts(result))


def tool_names(tools: list[JsonObject]) -> set[str]:
    """The names of the offered tools."""
    return {tool.get("name") or "" for tool in tools}


def _blocks(message: JsonObject) -> list[JsonObject]:
    content = message.get("content")
    return [] if isinstance(content, str) else content or []
