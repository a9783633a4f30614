"""Rubrics in files: their text takes the place of the file's id when the outcome is defined."""

from collections.abc import Sequence
from typing import TypeVar

from journeyman.blobs.port import BlobMissing, Blobs
from journeyman.runtime.sources import ContentRows
from journeyman.wire.events import EventParams, FileRubric, TextRubric, UserDefineOutcome
from journeyman.wire.outcomes import MOST_CHARACTERS, rubric_refused

EventT = TypeVar("EventT", bound=EventParams)

_MOST_BYTES = 4 * MOST_CHARACTERS + 3
"""No text of that many characters has more, with the mark that some files begin with."""


class Rubrics:
    def __init__(self, rows: ContentRows, blobs: Blobs) -> None:
        self._rows = rows
        self._blobs = blobs

    async def resolved(self, workspace: str, path: str, events: Sequence[EventT]) -> list[EventT]:
        """The events, with the text of files that are rubrics. `path` is where they stand. Raises ApiError."""
        found: list[EventT] = []
        for place, event in enumerate(events):
            if isinstance(event, UserDefineOutcome) and isinstance(event.rubric, FileRubric):
                text = await self._text(workspace, f"{path}.{place}", event.rubric.file_id)
                found.append(event.model_copy(update={"rubric": TextRubric(type="text", content=text)}))
            else:
                found.append(event)
        return found

    async def _text(self, workspace: str, path: str, file_id: str) -> str:
        content = await self._rows.content(workspace, file_id)
        if content is None:
            raise rubric_refused(path, file_id, "is no file of this workspace, or has expired")
        data = await self._read(content[1])
        if data is None:
            raise rubric_refused(path, file_id, "is no file of this workspace, or has expired")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            # Cut in the middle of a character it is too long anyway.
            text = "" if len(data) <= _MOST_BYTES else "x" * (MOST_CHARACTERS + 1)
        if len(text) > MOST_CHARACTERS:
            raise rubric_refused(path, file_id, f"has more than {MOST_CHARACTERS} characters")
        if not text.strip() or "\0" in text:
            raise rubric_refused(path, file_id, "is not a text in UTF-8, or is empty")
        return text

    async def _read(self, blob: str) -> bytes | None:
        """Not much more of it than a rubric can have; None: it is gone."""
        data = b""
        try:
            async for piece in self._blobs.get(blob):
                data += piece
                if len(data) > _MOST_BYTES:
                    break
        except (BlobMissing, OSError):
            return None
        return data
