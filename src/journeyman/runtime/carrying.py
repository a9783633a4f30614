"""What sessions have in their workspaces, kept where other machines find it: a session outlives its host.

A workspace that changed is kept as soon as it has been left alone for a moment, and now and then while it is not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from journeyman.blobs.port import Blobs
from journeyman.runtime.unpacking import PIECE, put
from journeyman.sandboxes.port import Incident, SandboxError, Sandboxes
from journeyman.wire.times import now_us, to_wire

_log = logging.getLogger("journeyman.sandboxes")

_DIRECTORIES = ("workspace", "root", "home", "mnt/session")
_ARCHIVE = "/var/tmp/.journeyman-kept.tar.gz"
_QUIET, _OFTEN, _LOOK = 2.0, 60.0, 0.5
"""Seconds: without a change; between two keepings of one that goes on changing; between two looks."""
_TIMEOUT = 600.0
_PACK = f"""set -o pipefail; cd /
for each in {" ".join(_DIRECTORIES)}; do [ ! -d "$each" ] || set -- "$@" "$each"; done
tar --create --one-file-system --warning=none -- "$@" | gzip -1 | head -c "$MOST" >{_ARCHIVE} || [ $? = 1 ]"""
_UNPACK = f"tar --extract --gzip --preserve-permissions --file {_ARCHIVE} --directory / && rm {_ARCHIVE}"


@dataclass(slots=True)
class _Change:
    first: float
    last: float


class Carrier:
    """Keeps workspaces of at most `most` bytes (packed), and brings them to this machine."""

    def __init__(self, sandboxes: Sandboxes, blobs: Blobs, most: int) -> None:
        self._sandboxes = sandboxes
        self._blobs = blobs
        self._most = most
        self._changes: dict[str, _Change] = {}
        self._changed = asyncio.Event()

    def changed(self, session_id: str) -> None:
        """Something was done in its sandbox."""
        now = asyncio.get_running_loop().time()
        self._changes.setdefault(session_id, _Change(now, now)).last = now
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._changed.wait()
            now = asyncio.get_running_loop().time()
            for session_id, change in list(self._changes.items()):
                if now - change.last >= _QUIET or now - change.first >= _OFTEN:
                    del self._changes[session_id]
                    await self._keep(session_id)
            if not self._changes:
                self._changed.clear()
            await asyncio.sleep(_LOOK)

    async def flush(self) -> None:
        """Keep what has changed: this process ends, and its machine may."""
        for session_id in list(self._changes):
            del self._changes[session_id]
            await self._keep(session_id)

    async def bring(self, session_id: str) -> Incident:
        """Fill a new sandbox with what was kept last of its session's; what its next command is to be told.

        Raises SandboxError.
        """
        try:
            return await self._bring(session_id)
        except OSError as error:
            raise SandboxError(f"The session's files could not be fetched from where they are kept: {error}") from error

    async def _bring(self, session_id: str) -> Incident:
        keys = await self._blobs.keys(_place(session_id))
        if not keys:
            return Incident("replaced", f"{_MOVED} None of its files could be kept. {_AGAIN}")
        await put(self._sandboxes, session_id, self._blobs.get(keys[-1]), _ARCHIVE)
        done = await self._sandboxes.exec(session_id, ["sh", "-c", _UNPACK], cwd="/", timeout=_TIMEOUT)
        if done.exit_code:
            _log.warning("session %s: its workspace could not be unpacked: %s", session_id, done.stderr[-500:])
        at = datetime.fromtimestamp(int(keys[-1].rpartition("/")[2]) / 1e6, UTC)
        kept = f"{', '.join(f'/{each}' for each in _DIRECTORIES)} are as they were at {at:%Y-%m-%d %H:%M:%S} UTC"
        return Incident("replaced", f"{_MOVED} {kept}; later changes and all other files are lost. {_AGAIN}")

    async def forget(self, session_id: str) -> None:
        """The session is over."""
        self._changes.pop(session_id, None)
        for key in await self._blobs.keys(_place(session_id)):
            await self._blobs.delete(key)

    async def _keep(self, session_id: str) -> None:
        try:
            await self._pack(session_id)
        except (SandboxError, OSError) as error:
            _log.warning("session %s: its workspace could not be kept for other machines: %s", session_id, error)

    async def _pack(self, session_id: str) -> None:
        before = await self._blobs.keys(_place(session_id))
        at = now_us()
        pack = ["env", f"MOST={self._most + 1}", "bash", "-c", _PACK]
        done = await self._sandboxes.exec(session_id, pack, cwd="/", timeout=_TIMEOUT)
        size = (await self._sandboxes.read(session_id, _ARCHIVE, limit=1)).size
        if done.exit_code or size > self._most:
            why = f"it is larger than {self._most >> 20} MB" if size > self._most else done.stderr[-500:].decode()
            raise SandboxError(why)
        await self._blobs.put(f"{_place(session_id)}/{at:020}", self._archive(session_id, size))
        for key in before:
            await self._blobs.delete(key)
        await self._sandboxes.exec(session_id, ["rm", "-f", _ARCHIVE], cwd="/")
        _log.debug("session %s: its workspace as of %s is kept, %d bytes", session_id, to_wire(at), size)

    async def _archive(self, session_id: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, PIECE):
            yield (await self._sandboxes.read(session_id, _ARCHIVE, offset=start, limit=PIECE)).data


_MOVED = "This is a computer on another machine: the one before is gone, with its processes and installed packages."
_AGAIN = "What you need of them has to be made again."


def _place(session_id: str) -> str:
    return f"workspaces/{session_id}"
