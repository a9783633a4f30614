"""Removes the bytes of files that have expired, and bytes that nothing has."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from journeyman.blobs.port import Blobs
from journeyman.wire.ids import made_at

_log = logging.getLogger("journeyman.files")

_UPLOADING = 86_400
"""Seconds in which an upload has got its file, or never will."""
_BATCH = 500


Named = Callable[[Collection[str]], Awaitable[Collection[str]]]


class Purge:
    """A loop. `expire` forgets what has expired and names the blobs to remove; `named` says, for keys that begin with a
    word, which of them are in use."""

    def __init__(
        self,
        blobs: Blobs,
        expire: Callable[[], Awaitable[Collection[str]]],
        named: Mapping[str, Named],
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
        """What a process that died left: blobs whose file or skill was never made, or is gone."""
        before = time.time() - _UPLOADING
        for word, named in self._named.items():
            keys = [key for key in await self._blobs.keys(word) if made_at(key) < before]
            for start in range(0, len(keys), _BATCH):
                await self._remove(keys[start : start + _BATCH], named)

    async def _remove(self, keys: Sequence[str], named_among: Named) -> None:
        named = await named_among(keys)
        for key in keys:
            if key not in named:
                await self._blobs.delete(key)
