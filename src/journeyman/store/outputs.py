"""What sessions have published: which file of theirs stands for which path of theirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from journeyman.store.database import Database
from journeyman.store.files import Files
from journeyman.store.rendering import dump, load
from journeyman.store.tables import files, sessions
from journeyman.wire.times import now_us

Published = Mapping[str, tuple[int, int, str]]


class OutputFiles:
    """It stands in the session's row, so that a file that a client has deleted does not come again."""

    def __init__(self, database: Database, files_of_all: Files) -> None:
        self._database = database
        self._files = files_of_all

    async def published(self, session_id: str) -> Published:
        """By path: size and time of the last change (ns) in the sandbox, and the file's id."""
        return await self._database.read(lambda connection: _published(connection, session_id))

    async def publish(
        self, session_id: str, path: str, seen: tuple[int, int], file: Mapping[str, Any]
    ) -> Sequence[str]:
        """The file (all columns but `created_at`) in the place of the one of the same path, which had been `seen` with
        this size and time; the keys of blobs that nothing needs any more. Raises 400 when the quota does not allow it.
        """

        def work(connection: Connection) -> Sequence[str]:
            self._files.check(connection, file["workspace_id"], file["size"])
            held = select(sessions.c.id).where(sessions.c.id == session_id).with_for_update()
            if connection.execute(held).first() is None:  # it was deleted meanwhile
                return [file["blob"]]
            known = _published(connection, session_id)
            _, _, before = known.get(path, (0, 0, ""))
            old = connection.execute(select(files.c.blob).where(files.c.id == before)).scalar()
            connection.execute(delete(files).where(files.c.id == before))
            connection.execute(insert(files).values({**file, "created_at": now_us()}))
            values = {"outputs": dump({**known, path: (*seen, file["id"])})}
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))
            return [] if old is None else [old]

        return await self._database.write(work)


def _published(connection: Connection, session_id: str) -> Published:
    found = connection.execute(select(sessions.c.outputs).where(sessions.c.id == session_id)).scalar()
    stored: dict[str, list[Any]] = load(found) if found else {}
    return {path: (size, changed, file_id) for path, (size, changed, file_id) in stored.items()}
