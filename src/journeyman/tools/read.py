"""read: lines of a text file with their numbers, or an image or PDF as a block."""

import base64
from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import Field

from journeyman.sandboxes.port import FileData
from journeyman.tools.builtin import BuiltinTool, ToolError
from journeyman.tools.inputs import ToolInput
from journeyman.tools.media import Media, recognise
from journeyman.tools.paths import absolute, failure
from journeyman.tools.port import ToolContext, ToolResult, text_result
from journeyman.tools.text import decode, size

MAX_IMAGE_BYTES = 3_750_000
"""Models take images of at most 5 MB in base64."""
MAX_IMAGE_SIDE = 8000
MAX_PDF_BYTES = 10_000_000
MAX_CHARACTERS = 90_000
"""Of one answer: a longer file is read in parts, not spilled into a second file."""
MAX_LINE = 2000
_CHUNK = 1_000_000
_SCAN_LIMIT = 200_000_000
_LINE_BYTES = 4 * MAX_LINE + 4


class ReadInput(ToolInput):
    file_path: str = Field(description="Absolute, or relative to /workspace.")
    view_range: Annotated[list[int], Field(min_length=2, max_length=2)] | None = Field(
        None, description="[first_line, last_line], counted from 1; -1 as last_line means the end of the file."
    )


class Read(BuiltinTool[ReadInput]):
    name = "read"
    description = (
        "Read a file in the sandbox. Text comes with each line's number and a tab before it; a long file is cut with a "
        "note saying which view_range comes next. PNG, JPEG, GIF and WebP images and PDFs are shown to you as such."
    )
    inputs = ReadInput

    async def execute(self, given: ReadInput, context: ToolContext) -> ToolResult:
        path = absolute(given.file_path)
        try:
            head = await context.sandboxes.read(context.sandbox, path, limit=_CHUNK)
            if media := recognise(head.data):
                return await _media(media, head, path, given, context)
            if b"\0" in head.data[:8192]:
                raise ToolError(
                    f"read: {given.file_path} is a binary file ({size(head.size)}); look at it in bash, e.g. with "
                    "file, xxd or a program for its format"
                )
            return text_result(await _numbered(_lines(head, path, context), head, given))
        except OSError as error:
            raise failure(self.name, given.file_path, error) from error


async def _media(media: Media, head: FileData, path: str, given: ReadInput, context: ToolContext) -> ToolResult:
    if given.view_range:
        raise ToolError("read: view_range does not apply to images and PDFs; leave it out")
    limit = MAX_PDF_BYTES if media.type == "application/pdf" else MAX_IMAGE_BYTES
    if head.size > limit:
        raise ToolError(
            f"read: {given.file_path} is {size(head.size)}, and an {media.type} file may have {size(limit)} to be "
            "shown; make a smaller copy in bash (for a PDF: extract its text or some pages) and read that"
        )
    if max(media.width, media.height) > MAX_IMAGE_SIDE:
        raise ToolError(
            f"read: {given.file_path} is {media.width}x{media.height} pixels, and neither side may exceed "
            f"{MAX_IMAGE_SIDE}; scale it down in bash and read the copy"
        )
    if media.type.startswith("image/") and not media.width * media.height:
        raise ToolError(f"read: {given.file_path} begins like {media.type} but its header is damaged or incomplete")
    whole = head if len(head.data) == head.size else await context.sandboxes.read(context.sandbox, path, limit=limit)
    source = {"type": "base64", "media_type": media.type, "data": base64.b64encode(whole.data).decode()}
    block: dict[str, Any] = {"type": "document" if media.type == "application/pdf" else "image", "source": source}
    return ToolResult([block])


async def _lines(head: FileData, path: str, context: ToolContext) -> AsyncIterator[bytes]:
    """The file's lines, read piece by piece; of a very long line only the beginning."""
    data, offset, pending = head.data, 0, b""
    while data:
        offset += len(data)
        *whole, pending = (pending + data).split(b"\n")
        for line in whole:
            yield line
        pending = pending[:_LINE_BYTES]
        if offset >= _SCAN_LIMIT:
            raise ToolError(f"read: only the first {size(_SCAN_LIMIT)} of a file can be read; use sed or tail in bash")
        data = b"" if offset >= head.size else await _piece(path, offset, context)
    if pending:
        yield pending


async def _piece(path: str, offset: int, context: ToolContext) -> bytes:
    return (await context.sandboxes.read(context.sandbox, path, offset=offset, limit=_CHUNK)).data


async def _numbered(lines: AsyncIterator[bytes], head: FileData, given: ReadInput) -> str:
    if head.size == 0:
        return "(the file is empty)"
    first, last = _range(given.view_range)
    shown: list[str] = []
    length = number = 0
    async for line in lines:
        number += 1
        if number < first:
            continue
        if last is not None and number > last:
            break
        text = f"{number}\t{_shown(line)}"
        length += len(text) + 1
        if shown and length > MAX_CHARACTERS:
            shown.append(
                f"[Cut before line {number}: the file has {size(head.size)}. Go on with view_range "
                f"[{number}, {last or -1}].]"
            )
            break
        shown.append(text)
    if not shown:
        raise ToolError(f"read: {given.file_path} has {number} lines; view_range starts at {first}")
    return "\n".join(shown)


def _range(view_range: list[int] | None) -> tuple[int, int | None]:
    """First and last line, None for the end of the file."""
    if view_range is None:
        return 1, None
    first, last = max(view_range[0], 1), view_range[1]
    if 0 < last < first:
        raise ToolError(f"read: view_range [{first}, {last}] ends before it begins")
    return first, last if last > 0 else None


def _shown(line: bytes) -> str:
    text = decode(line)
    return text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]} [line cut after {MAX_LINE} characters]"
