"""The upload of a skill: small enough to be read whole."""

from fastapi import Request

from journeyman.api.body import read_body
from journeyman.api.multipart import Part, Parts
from journeyman.skills.bundle import Bundle, read_upload
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.skills import MOST_BYTES, too_large

_AROUND = 1 << 20
"""Bytes of a body that are not its files'."""
_MOST_FIELD = 1024


class SkillUpload:
    """The parts of a multipart body: files, and fields."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._parts = Parts(request, self._begin, self._data, self._end)
        self._part = Part("", None, None)
        self._content = bytearray()
        self._files: list[tuple[str, bytes]] = []
        self.fields: dict[str, str] = {}

    async def bundle(self) -> Bundle:
        """The skill; then the fields are known. Raises ApiError."""
        try:
            body = await read_body(self._request, MOST_BYTES + _AROUND)
        except ApiError as error:
            raise too_large() from error
        self._parts.write(body)
        self._parts.finish()
        return read_upload(self._files)

    def _begin(self, part: Part) -> None:
        self._part, self._content = part, bytearray()

    def _data(self, piece: bytes) -> None:
        self._content += piece

    def _end(self) -> None:
        name, filename, _ = self._part
        if name in ("files", "files[]"):
            self._files.append((filename or "", bytes(self._content)))
        elif filename is not None:
            raise invalid(f"{name[:100]}: unknown field; the files belong into files[]")
        elif len(self._content) > _MOST_FIELD:
            raise invalid(f"{name[:100]}: too long")
        else:
            self.fields[name] = self._content.decode("utf-8", "replace")
