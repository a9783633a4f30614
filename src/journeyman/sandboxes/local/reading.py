"""Reading a file of a sandbox."""

import asyncio
import hashlib
import os

from journeyman.sandboxes.local.files import open_regular
from journeyman.sandboxes.port import FileData

_INLINE = 1 << 20
"""Up to this size a read is cheaper than handing it to a thread."""
_CHUNK = 1 << 20
_HASHED = 256 << 20
"""Larger files are not hashed: a sparse one may have terabytes, and its hashing would keep a thread for an hour."""


async def read_file(root: int, path: str, offset: int, limit: int) -> FileData:
    """Raises what the port's `read` raises."""
    descriptor = open_regular(root, path)
    try:
        size = os.fstat(descriptor).st_size
        if min(size, limit) > _INLINE:
            return await asyncio.to_thread(_read, descriptor, offset, limit, size)
        return _read(descriptor, offset, limit, size)
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, limit: int, size: int) -> FileData:
    parts: list[bytes] = []
    left, at = limit, offset
    while left > 0 and (part := os.pread(descriptor, min(left, _CHUNK), at)):
        parts.append(part)
        at += len(part)
        left -= len(part)
    data = b"".join(parts)
    is_whole = offset == 0 and len(data) >= size and not os.pread(descriptor, 1, at)
    return FileData(data, max(size, at) if data else size, hashlib.sha256(data).hexdigest() if is_whole else None)


def fingerprint(root: int, path: str) -> str | None:
    """The sha256 of a regular file's content, None when there is no such file; of a huge one size, inode and time."""
    try:
        descriptor = open_regular(root, path)
    except FileNotFoundError:
        return None
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_size > _HASHED:
            return f"{found.st_size} bytes, inode {found.st_ino}, changed at {found.st_mtime_ns}"
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()
