"""Images and documents that messages name by a file's id: put into a request for the model, and kept out of the log."""

import base64
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

from journeyman.blobs.port import BlobMissing, Blobs

JsonObject = dict[str, Any]

_KEPT = 32 << 20
"""Bytes of sources that are kept between the requests of all sessions of a process."""
_log = logging.getLogger("journeyman.files")


class ContentRows(Protocol):
    async def content(self, workspace: str, file_id: str) -> tuple[str, str] | None:
        """Type and blob; None: it was deleted, or has expired."""
        ...


class Sources:
    def __init__(self, rows: ContentRows, blobs: Blobs) -> None:
        self._rows = rows
        self._blobs = blobs
        self._kept: OrderedDict[str, JsonObject] = OrderedDict()
        self._size = 0

    async def filled(self, workspace: str, messages: Sequence[JsonObject]) -> Sequence[JsonObject]:
        """The messages with what their files hold in the place of the files' ids."""
        found: list[JsonObject] = []
        for message in messages:
            content = [await self._block(workspace, block) for block in message["content"]]
            found.append({**message, "content": content})
        return found

    async def _block(self, workspace: str, block: JsonObject) -> JsonObject:
        if block["type"] == "tool_result" and isinstance(block.get("content"), list):
            return {**block, "content": [await self._block(workspace, each) for each in block["content"]]}
        source: JsonObject = block["source"] if block["type"] in ("image", "document") else {}
        if source.get("type") != "file":
            return block
        file_id: str = source["file_id"]
        held = await self._read(workspace, file_id)
        if held is None:
            return {"type": "text", "text": f"[The file {file_id} that was here is not available any more.]"}
        return {**block, "source": held}

    async def _read(self, workspace: str, file_id: str) -> JsonObject | None:
        content = await self._rows.content(workspace, file_id)
        if content is None:
            self._forget(file_id)
            return None
        if file_id in self._kept:
            self._kept.move_to_end(file_id)
            return self._kept[file_id]
        mime_type, blob = content
        try:
            data = b"".join([piece async for piece in self._blobs.get(blob)])
        except (BlobMissing, OSError) as error:
            _log.warning("file %s cannot be read for a model: %s", file_id, error)
            return None
        source = _source(mime_type, data)
        self._keep(file_id, source)
        return source

    def _keep(self, file_id: str, source: JsonObject) -> None:
        self._kept[file_id] = source
        self._size += len(source["data"])
        while self._size > _KEPT and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))

    def _forget(self, file_id: str) -> None:
        source = self._kept.pop(file_id, None)
        self._size -= 0 if source is None else len(source["data"])


def _source(mime_type: str, data: bytes) -> JsonObject:
    if mime_type.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": data.decode(errors="replace")}
    return {"type": "base64", "media_type": mime_type, "data": base64.b64encode(data).decode()}
