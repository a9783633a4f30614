"""An upload's body, piece by piece: nothing of it is held but what has just come."""

import re
from collections.abc import AsyncIterator
from email.message import Message

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.files import MOST_BYTES, too_large

_MOST_FIELD = 1024
_MOST_HEADER = 16_384
_MOST_AROUND = 1 << 20
"""Of a body's bytes that are not the file's."""


class Upload:
    """The parts of a multipart body. `content` is read first; then the rest is known."""

    def __init__(self, request: Request) -> None:
        boundary = re.search(r'boundary="?([^";,]+)"?', request.headers.get("content-type", ""))
        if boundary is None or "multipart/form-data" not in request.headers["content-type"].lower():
            raise invalid("Content-Type: expected multipart/form-data with a boundary")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > MOST_BYTES + _MOST_AROUND:
            raise too_large()
        self.filename: str | None = None
        self.content_type: str | None = None
        self.fields: dict[str, str] = {}
        self._request = request
        self._seen = False
        self._ended = False
        self._pieces: list[bytes] = []
        self._field = bytearray()
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._part = ""
        self._parser = MultipartParser(
            boundary[1],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises ApiError: no file, too large, no multipart body."""
        size = total = 0
        async for chunk in self._request.stream():
            total += len(chunk)
            try:
                self._parser.write(chunk)
            except MultipartParseError as error:
                raise invalid("The request body is not valid multipart/form-data.") from error
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
        if not self._ended:
            raise invalid("The request body is not valid multipart/form-data.")

    def _begin(self) -> None:
        self._headers, self._field, self._name, self._value = {}, bytearray(), b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._limited(len(self._name))

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._limited(len(self._value))

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name = self._value = b""

    def _headers_end(self) -> None:
        disposition = Message()
        disposition["content-disposition"] = re.sub(r"[\r\n]", " ", self._headers.get("content-disposition", ""))
        self._part = str(disposition.get_param("name", "", "content-disposition"))
        if self._part != "file":
            return
        if self._seen:
            raise invalid("file: only one file may be uploaded at a time")
        self._seen = True
        self.filename = disposition.get_filename()
        self.content_type = self._headers.get("content-type")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._pieces.append(data[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > _MOST_FIELD:
            raise invalid(f"{self._part[:100]}: too long")

    def _part_end(self) -> None:
        if self._part != "file":
            self.fields[self._part] = self._field.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True

    def _limited(self, size: int) -> None:
        if size > _MOST_HEADER:
            raise invalid("The request body is not valid multipart/form-data.")
