"""A tool call and its result, as a person reads them."""

import json
from collections.abc import Mapping, Sequence

from anthropic.types.beta.sessions.beta_managed_agents_agent_tool_result_event import Content

from journeyman.cli.printable import abridged, printable

_WIDTH = 200
_LONG_FIELDS = {"content", "old_string", "new_string", "command"}


def call_lines(name: str, values: Mapping[str, object], *, whole: bool) -> tuple[str, str]:
    """A heading and what follows it; `whole` leaves nothing out, for those who must decide on it."""
    short = [f"{key}={_short(value)}" for key, value in values.items() if key not in _LONG_FIELDS]
    if name == "bash" and isinstance(values.get("command"), str):
        body = f"$ {values['command']}"
    else:
        body = "\n".join(str(values[key]) for key in values if key in _LONG_FIELDS)
    if set(values) - _LONG_FIELDS == {"file_path"}:
        short = [str(values["file_path"])]
    return printable(" ".join([name, *short])), printable(body) if whole else abridged(printable(body), 12, 0)


def result_lines(content: Sequence[Content] | None) -> str:
    """The first and last lines of a result."""
    return abridged(printable("\n".join(_block(block) for block in content or [])), 6, 4)


def text_of(content: Sequence[Content] | None) -> str:
    """All the text of a result."""
    return "".join(block.text for block in content or [] if block.type == "text")


def _block(block: Content) -> str:
    match block.type:
        case "text":
            return block.text
        case "search_result":
            return f"{block.title} — {block.source}"
        case "document":
            source = block.source
            return source.data if source.type == "text" else f"[document: {block.title or source.type}]"
        case "image":
            return "[image]"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
