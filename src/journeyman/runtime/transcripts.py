"""Transcripts of sessions as files of a sandbox: pages that a model can read one at a time."""

import tarfile
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Protocol

import orjson

from journeyman.runtime.unpacking import unpack
from journeyman.sandboxes.port import Run, Sandboxes
from journeyman.store.port import Transcript
from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]

PLACE = "/mnt/transcripts"
INDEX = "INDEX.txt"
_PAGE = 40_000
"""Characters."""
_LINE = 1_800
"""Characters: a longer line is continued on the next, since tools cut long ones."""
_MARK = ".complete"


class TranscriptRows(Protocol):
    """The store, as far as transcripts are concerned."""

    async def transcripts(self, dream_id: str) -> Sequence[Transcript]: ...
    async def said(self, session_id: str, after: int, head: int) -> Sequence[tuple[int, JsonObject]]: ...


class Transcripts:
    """Written once into each sandbox that a dream has, as they were when the dream began."""

    def __init__(self, rows: TranscriptRows, sandboxes: Sandboxes) -> None:
        self._rows = rows
        self._sandboxes = sandboxes

    async def place(self, session_id: str, fence: int, dream_id: str) -> None:
        """Raises SandboxError."""
        run = Run(dream_id, fence)
        if await self._sandboxes.recorded(session_id, run) is not None:
            return
        await unpack(self._sandboxes, session_id, self._packed(dream_id), PLACE)
        await self._sandboxes.write(session_id, f"{PLACE}/{_MARK}", b"", run=run, note="laid out")

    async def _packed(self, dream_id: str) -> AsyncIterator[bytes]:
        """A tar of all pages and the index, made as it is read."""
        index = list[str]()
        for each in await self._rows.transcripts(dream_id):
            pages = 0
            async for page in self._pages(each):
                pages += 1
                yield _member(f"{each.session_id}/{pages:04}.txt", page)
            title = " ".join((each.title or "").split())
            about = f"{each.session_id}: {pages} pages, begun {to_wire(each.created_at)}"
            index.append(f"{about}, titled {title}" if title else about)
        yield _member(INDEX, "\n".join(index) + "\n")
        yield bytes(2 * tarfile.BLOCKSIZE)

    async def _pages(self, transcript: Transcript) -> AsyncIterator[str]:
        after, waiting, size = 0, list[str](), 0
        while events := await self._rows.said(transcript.session_id, after, transcript.head):
            after = events[-1][0]
            for line in (line for _, event in events for line in lines(event)):
                if waiting and size + len(line) >= _PAGE:
                    yield "\n".join(waiting) + "\n"
                    waiting, size = [], 0
                waiting.append(line)
                size += len(line) + 1
        if waiting:
            yield "\n".join(waiting) + "\n"


def lines(event: JsonObject) -> Iterator[str]:
    """An event as text; nothing of those that only tell of the session's states."""
    told = _told(event)
    if told is None:
        return
    yield f"--- {event['type']} {event['processed_at']}"
    for line in told.splitlines():
        yield from (line[start : start + _LINE] for start in range(0, len(line), _LINE)) if line else ("",)


def _told(event: JsonObject) -> str | None:
    match event["type"]:
        case "agent.tool_use" | "agent.mcp_tool_use" | "agent.custom_tool_use":
            return f"{event['name']} {orjson.dumps(event['input']).decode()}"
        case "session.error":
            return str(event["error"]["message"])
        case type_ if type_.startswith(("user.", "agent.", "system.")) and event.get("content"):
            failed = ["(failed)"] if event.get("is_error") else []
            return "\n".join([*failed, *map(_block, event["content"])])
        case "user.interrupt":
            return ""
        case _:
            return None


def _block(block: JsonObject) -> str:
    return str(block["text"]) if block.get("type") == "text" else f"[{block.get('type')}]"


def _member(path: str, text: str) -> bytes:
    data = text.encode(errors="replace")
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), 0o444
    return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)
