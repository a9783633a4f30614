"""Reading a request's body within its limit."""

from fastapi import Request

from journeyman.wire.errors import ApiError

_MOST = 32 * 1024 * 1024


async def read_body(request: Request, most: int = _MOST) -> bytes:
    """The whole body. Raises 413 beyond `most` bytes, before reading it where its length is declared."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(most: int) -> ApiError:
    return ApiError("request_too_large", f"Request exceeds the maximum size of {most // (1024 * 1024)} MB.")
