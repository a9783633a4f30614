"""Removes the bytes of files that have expired, and bytes that no file has."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from journeyman.blobs.port import Blobs
from journeyman.wire.ids import made_at

_log = logging.getLogger("journeyman.files")

_UPLOADING = 86_400
"""Seconds in which an upload has got its file, or never will."""
_BATCH = 500


class Purge:
    """A loop. `expire` forgets what has expired and names the blobs to remove; `named` says which of these keys files
    have."""

    def __init__(
        self,
        blobs: Blobs,
        expire: Callable[[], Awaitable[Collection[str]]],
        named: Callable[[Collection[str]], Awaitable[Collection[str]]],
        *,
        pause: float = 60.0,
        sweep_pause: float = 86_400.0,
    ) -> None:
        self._blobs = blobs
        self._expire = expire
        self._named = named
        self._pause = pause
        self._sweep_pause = sweep_pause

    async def run(self) -> None:
        """Until it is cancelled."""
        swept = -self._sweep_pause
        while True:
            try:
                for blob in await self._expire():
                    await self._blobs.delete(blob)
                if time.monotonic() - swept >= self._sweep_pause:
                    swept = time.monotonic()
                    await self.sweep()
            except Exception:
                _log.exception("the files that have expired could not be removed")
            await asyncio.sleep(self._pause)

    async def sweep(self) -> None:
        """What a process that died left: blobs whose file was never made, or is gone."""
        before = time.time() - _UPLOADING
        keys = [key for key in await self._blobs.keys("files") if made_at(key) < before]
        for start in range(0, len(keys), _BATCH):
            await self._remove(keys[start : start + _BATCH])

    async def _remove(self, keys: Sequence[str]) -> None:
        named = await self._named(keys)
        for key in keys:
            if key not in named:
                await self._blobs.delete(key)
