"""The upload of a skill: small enough to be read whole."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from journeyman.api.body import read_body
from journeyman.skills.bundle import Bundle, read_upload
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.skills import MOST_BYTES, too_large

_AROUND = 1 << 20
"""Bytes of a body that are not its files'."""


@dataclass(frozen=True, slots=True)
class SkillUpload:
    """The skill, and the form's other fields."""

    bundle: Bundle
    fields: dict[str, str]


async def read_skill(request: Request) -> SkillUpload:
    """Raises ApiError."""
    if "multipart/form-data" not in request.headers.get("content-type", "").lower():
        raise invalid("Content-Type: expected multipart/form-data with a boundary")
    try:
        body = await read_body(request, MOST_BYTES + _AROUND)
    except ApiError as error:
        raise too_large() from error

    async def stream() -> AsyncGenerator[bytes]:
        yield body

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=5_000, max_fields=20).parse()
    except (MultiPartException, KeyError) as error:
        raise invalid("The request body is not valid multipart/form-data.") from error
    parts: list[tuple[str, bytes]] = []
    fields: dict[str, str] = {}
    try:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                fields[name] = value
            elif name in ("files", "files[]"):
                parts.append((value.filename or "", await value.read()))
            else:
                raise invalid(f"{name[:100]}: unknown field; the files belong into files[]")
    finally:
        await form.close()
    return SkillUpload(read_upload(parts), fields)
