"""An upload's body, piece by piece: nothing of it is held but what has just come."""

from collections.abc import AsyncIterator

from fastapi import Request

from journeyman.api.multipart import Part, Parts
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.files import MOST_BYTES, too_large

_MOST_FIELD = 1024
_MOST_AROUND = 1 << 20
"""Of a body's bytes that are not the file's."""


class Upload:
    """The parts of a multipart body. `content` is read first; then the rest is known."""

    def __init__(self, request: Request) -> None:
        self._parts = Parts(request, self._begin, self._data, self._end)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > MOST_BYTES + _MOST_AROUND:
            raise too_large()
        self.filename: str | None = None
        self.content_type: str | None = None
        self.fields: dict[str, str] = {}
        self._request = request
        self._seen = False
        self._pieces: list[bytes] = []
        self._field = bytearray()
        self._part = ""

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises ApiError: no file, too large, no multipart body."""
        size = total = 0
        async for chunk in self._request.stream():
            total += len(chunk)
            self._parts.write(chunk)
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                size += len(piece)
                if size > MOST_BYTES:
                    raise too_large()
                yield piece
            if total - size > _MOST_AROUND:
                raise ApiError("request_too_large", "Request exceeds the maximum size.")
        if not self._seen:
            raise invalid("file: Field required")
        self._parts.finish()

    def _begin(self, part: Part) -> None:
        self._part, self._field = part.name, bytearray()
        if part.name != "file":
            return
        if self._seen:
            raise invalid("file: only one file may be uploaded at a time")
        self._seen = True
        self.filename, self.content_type = part.filename, part.content_type

    def _data(self, piece: bytes) -> None:
        if self._part == "file":
            self._pieces.append(piece)
            return
        self._field += piece
        if len(self._field) > _MOST_FIELD:
            raise invalid(f"{self._part[:100]}: too long")

    def _end(self) -> None:
        if self._part != "file":
            self.fields[self._part] = self._field.decode("utf-8", "replace")
