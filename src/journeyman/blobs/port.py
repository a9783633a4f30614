"""The blob port: where bytes are kept that are too large for the database."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class BlobMissing(Exception):
    """There is no blob of this key."""


class Blobs(Protocol):
    """Conformance: `tests/blobs`, run on every backend. Keys are words of letters, digits and `_-.`, parted by `/`.

    Every call raises ValueError for what is no key, and OSError when the store does not answer or has no room.
    """

    async def put(self, key: str, data: AsyncIterator[bytes]) -> int:
        """Keep all of `data`, in the place of what was there; its size in bytes.

        It is seen whole and durable, or not at all: what `data` raises is raised, and nothing has changed.
        """
        ...

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, in pieces. Raises BlobMissing."""
        ...

    async def size(self, key: str) -> int | None:
        """In bytes; None when there is no such blob."""
        ...

    async def delete(self, key: str) -> None:
        """Idempotent."""
        ...

    async def keys(self, prefix: str) -> Sequence[str]:
        """Of all blobs below a prefix (whole words), in order."""
        ...

    async def close(self) -> None: ...


def checked(key: str) -> str:
    """Raises ValueError."""
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a blob")
    return key
