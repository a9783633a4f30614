"""Brings the files of a session into its sandbox, and takes out what was removed."""

import logging
from collections.abc import Sequence
from typing import Protocol

from journeyman.blobs.port import BlobMissing, Blobs
from journeyman.sandboxes.port import Run, SandboxError, Sandboxes
from journeyman.store.port import Mount

_log = logging.getLogger("journeyman.files")


class Mounts(Protocol):
    async def mounts(self, session_id: str) -> Sequence[Mount]: ...
    async def forget(self, session_id: str, resource_ids: Sequence[str]) -> None: ...


class Attachments:
    """Keyed by the resource's id: a sandbox that has a file already, or had it, is not given it again."""

    def __init__(self, blobs: Blobs, mounts: Mounts, sandboxes: Sandboxes) -> None:
        self._blobs = blobs
        self._mounts = mounts
        self._sandboxes = sandboxes

    async def place(self, session_id: str, fence: int) -> None:
        """Raises SandboxError."""
        mounts = await self._mounts.mounts(session_id)
        removed = [mount for mount in mounts if mount.removed]
        if removed:
            command = ["rm", "-f", "--", *(mount.path for mount in removed)]
            await self._sandboxes.exec(session_id, command, cwd="/")
            await self._mounts.forget(session_id, [mount.id for mount in removed])
        for mount in mounts:
            if mount.blob is not None:
                await self._put(session_id, Run(mount.id, fence), mount.path, mount.blob)

    async def _put(self, session_id: str, run: Run, path: str, blob: str) -> None:
        if await self._sandboxes.recorded(session_id, run) is not None:
            return
        try:
            data = b"".join([piece async for piece in self._blobs.get(blob)])
        except BlobMissing:
            _log.warning("session %s: the bytes of %s are gone", session_id, path)
            return
        except OSError as error:
            raise SandboxError(f"The attached file {path} could not be read: the file store failed.") from error
        await self._sandboxes.write(session_id, path, data, run=run, note="attached")
