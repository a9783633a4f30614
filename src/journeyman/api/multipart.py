"""A multipart body, part by part as it comes."""

import re
from collections.abc import Callable
from email.message import Message
from typing import NamedTuple

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from journeyman.wire.errors import ApiError, invalid

_MOST_HEADER = 16_384


class Part(NamedTuple):
    """What the head of a part says. Not all clients name a file that they send."""

    name: str
    filename: str | None
    content_type: str | None


class Parts:
    """Calls `begin` with each part's head, `data` with its pieces, `end` behind it."""

    def __init__(
        self, request: Request, begin: Callable[[Part], None], data: Callable[[bytes], None], end: Callable[[], None]
    ) -> None:
        """Raises ApiError for what is no multipart body."""
        boundary = re.search(r'boundary="?([^";,]+)"?', request.headers.get("content-type", ""))
        if boundary is None or "multipart/form-data" not in request.headers["content-type"].lower():
            raise invalid("Content-Type: expected multipart/form-data with a boundary")
        self._whole = False
        self._begin = begin
        self._data = data
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._parser = MultipartParser(
            boundary[1],
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part_data,
                "on_part_end": end,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Raises ApiError, as what is called does."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise _broken() from error

    def finish(self) -> None:
        """The body is over. Raises ApiError when something of it is missing."""
        if not self._whole:
            raise _broken()

    def _part_begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""

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
        name = str(disposition.get_param("name", "", "content-disposition"))
        self._begin(Part(name, disposition.get_filename(), self._headers.get("content-type")))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data(data[start:end])

    def _end(self) -> None:
        self._whole = True

    def _limited(self, size: int) -> None:
        if size > _MOST_HEADER:
            raise _broken()


def _broken() -> ApiError:
    return invalid("The request body is not valid multipart/form-data.")
