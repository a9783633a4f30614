"""What the agent leaves in /mnt/session/outputs becomes files of its session."""

import logging
import posixpath
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from journeyman.blobs.port import Blobs
from journeyman.sandboxes.port import Entry, SandboxError, Sandboxes
from journeyman.wire import files as wire
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id

_log = logging.getLogger("journeyman.files")

_PLACE = "/mnt/session/outputs"
_MOST = 1000
_PIECE = 8 << 20


class OutputRows(Protocol):
    """The store, as far as outputs are concerned."""

    async def published(self, session_id: str) -> Mapping[str, tuple[int, int, str]]: ...

    async def publish(
        self, session_id: str, path: str, seen: tuple[int, int], file: Mapping[str, Any]
    ) -> Sequence[str]: ...


class Outputs:
    def __init__(self, blobs: Blobs, rows: OutputRows, sandboxes: Sandboxes) -> None:
        self._blobs = blobs
        self._rows = rows
        self._sandboxes = sandboxes

    async def collect(self, workspace: str, session_id: str) -> None:
        """Those that are new or have changed. What cannot be kept is told in the server's log, and tried again."""
        try:
            found = await self._sandboxes.scan(session_id, _PLACE, limit=_MOST)
            if not found:
                return
            known = await self._rows.published(session_id)
            for entry in found:
                size, changed, _ = known.get(_plain(entry.path), (-1, -1, ""))
                if (size, changed) != (entry.size, entry.changed):
                    await self._publish(workspace, session_id, entry)
        except (SandboxError, OSError) as error:
            _log.warning("session %s: outputs could not be kept: %s", session_id, error)
        except Exception:  # whatever it is, the turn is not to fail for it
            _log.exception("session %s: outputs could not be kept", session_id)

    async def _publish(self, workspace: str, session_id: str, entry: Entry) -> None:
        if entry.size > wire.MOST_BYTES:
            _log.warning("session %s: the output %s is too large to be kept", session_id, entry.path)
            return
        file_id = new_id("file")
        blob = f"files/{file_id}"
        name = wire.output_name(posixpath.basename(entry.path))
        size = await self._blobs.put(blob, self._content(session_id, f"{_PLACE}/{entry.path}"))
        file = {
            "id": file_id,
            "workspace_id": workspace,
            "filename": name,
            "mime_type": wire.mime_type(None, name),
            "size": size,
            "blob": blob,
            "downloadable": 1,
            "scope_id": session_id,
            "expires_at": None,
        }
        try:
            unneeded = await self._rows.publish(session_id, _plain(entry.path), (entry.size, entry.changed), file)
        except ApiError:
            unneeded = [blob]
            _log.warning("session %s: the storage limit leaves no room for the output %s", session_id, entry.path)
        for each in unneeded:
            await self._blobs.delete(each)

    async def _content(self, session_id: str, path: str) -> AsyncIterator[bytes]:
        place = 0
        while place < wire.MOST_BYTES:
            piece = (await self._sandboxes.read(session_id, path, offset=place, limit=_PIECE)).data
            if not piece:
                return
            yield piece
            place += len(piece)


def _plain(path: str) -> str:
    """A path that a database takes, whatever bytes are in it."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
