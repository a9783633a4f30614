"""Blobs in a directory, which several servers may share."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from journeyman.blobs.port import BlobMissing, checked

_PIECE = 1 << 20
_COMING = ".coming"
"""Where blobs lie until they are whole."""


class DiskBlobs:
    """Implements `Blobs`: a file for each."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def put(self, key: str, data: AsyncIterator[bytes]) -> int:
        target = self._path / checked(key)
        staged = self._path / _COMING / secrets.token_hex(16)
        size = 0
        await asyncio.to_thread(staged.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
        file = await asyncio.to_thread(staged.open, "xb")
        try:
            with file:
                async for piece in data:
                    await asyncio.to_thread(file.write, piece)
                    size += len(piece)
                await asyncio.to_thread(_settle, file)
            await asyncio.to_thread(_move, staged, target)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        return size

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread((self._path / checked(key)).open, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobMissing(key) from None
        with file:
            file.seek(start)
            left = None if end is None else max(0, end - start)
            while left != 0:
                piece = await asyncio.to_thread(file.read, _PIECE if left is None else min(_PIECE, left))
                if not piece:
                    return
                yield piece
                left = None if left is None else left - len(piece)

    async def size(self, key: str) -> int | None:
        path = self._path / checked(key)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_size if path.is_file() else None
        return None

    async def delete(self, key: str) -> None:
        path = self._path / checked(key)
        with contextlib.suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            await asyncio.to_thread(path.unlink)
        with contextlib.suppress(OSError):  # others are in there
            for parent in path.parents:
                if parent == self._path:
                    break
                parent.rmdir()

    async def keys(self, prefix: str) -> Sequence[str]:
        return await asyncio.to_thread(self._keys, self._path / checked(prefix))

    def _keys(self, place: Path) -> list[str]:
        found = [path for path in place.rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(self._path)) for path in found)

    async def close(self) -> None: ...


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _move(staged: Path, target: Path) -> None:
    """Into its place, durably; its directory may be removed meanwhile by one who deletes."""
    while True:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            staged.rename(target)
            break
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
