"""Results too long for a conversation: the whole goes to a file in the sandbox, the model sees both ends."""

from dataclasses import replace
from typing import Any

from journeyman.sandboxes.port import Run, SandboxError, StaleRun
from journeyman.tools.port import ToolContext, ToolResult

LIMIT = 100_000
"""Characters of text in one result before it is written to a file."""
_HEAD = 12_000
_TAIL = 4_000


async def spill(result: ToolResult, call_id: str, context: ToolContext) -> ToolResult:
    """The result as it is, or its preview once the whole was written to `/tmp/tool-results/<call id>.txt`.

    Raises StaleRun.
    """
    if not is_long(result):
        return result
    texts = _texts(result)
    whole = "\n".join(texts)
    if context.read_only:
        return replace(result, content=_with_preview(result.content, _preview(whole, "not saved: ask for less output")))
    path = f"/tmp/tool-results/{call_id}.txt"
    run = Run(f"{context.run.id}_spill", context.run.fence)
    try:
        await context.sandboxes.write(context.sandbox, path, whole.encode(), run=run, note=path)
        how = "read parts of it with the read tool's view_range, search it with grep, or cut it in bash (head -c)"
        place = f"saved to {path}: {how}"
    except StaleRun:
        raise
    except (SandboxError, OSError) as error:
        place = f"not saved ({error}). Ask for less output"
    return replace(result, content=_with_preview(result.content, _preview(whole, place)))


def is_long(result: ToolResult) -> bool:
    """Whether it is to be written to a file."""
    return sum(map(len, _texts(result))) > LIMIT


def _texts(result: ToolResult) -> list[str]:
    return [text for text in map(_text, result.content) if text is not None]


def _preview(whole: str, place: str) -> str:
    head, tail = whole[:_HEAD], whole[-_TAIL:]
    hidden = len(whole) - _HEAD - _TAIL
    notice = f"[Output too long to show: {len(whole):,} characters, lines: {len(whole.splitlines()):,}; {place}.]"
    return f"{notice}\n\n{head}\n\n[… {hidden:,} characters not shown …]\n\n{tail}"


def _text(block: dict[str, Any]) -> str | None:
    """The text that a block adds to the conversation; None for images and binary documents."""
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "document", "source": {"type": "text", "data": str(data)}}:
            return data
        case {"type": "search_result", "content": [*parts]}:
            return "\n".join([str(block["title"]), str(block["source"]), *(part["text"] for part in parts)])
        case _:
            return None


def _with_preview(content: list[dict[str, Any]], preview: str) -> list[dict[str, Any]]:
    """The preview in the place of the first text, the other texts left out, the rest kept."""
    kept: list[dict[str, Any]] = []
    placed = False
    for block in content:
        if _text(block) is None:
            kept.append(block)
        elif not placed:
            kept.append(_replaced(block, preview))
            placed = True
    return kept


def _replaced(block: dict[str, Any], text: str) -> dict[str, Any]:
    if block["type"] == "document":
        return {**block, "source": {**block["source"], "data": text}}
    return {"type": "text", "text": text}
