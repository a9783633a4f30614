"""What the sandboxes of sessions have of memory stores, and what their agents make of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from journeyman.store.database import Database
from journeyman.store.memories import Actor, add, at_path, change_memory, digest, remove
from journeyman.store.memory_stores import changes_of
from journeyman.store.port import Edit, Held
from journeyman.store.tables import memories, memory_stores, mounted_memories
from journeyman.wire.errors import ApiError
from journeyman.wire.memory_stores import store_archived

JsonObject = dict[str, Any]
_BATCH = 200


Outcome = Literal["saved", "conflict"] | str
"""`conflict`: the memory is another one by now; any other text says why it was refused."""


class MountedMemories:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, store_ids: Sequence[str]) -> Mapping[str, int]:
        """How much has happened to each store that there is."""
        return await self._database.read(lambda connection: changes_of(connection, store_ids))

    async def listing(self, store_id: str) -> Mapping[str, str]:
        """The hash of each memory's content, by path."""
        statement = select(memories.c.path, memories.c.sha256).where(memories.c.store_id == store_id)
        return await self._database.read(
            lambda connection: {row.path: row.sha256 for row in connection.execute(statement)}
        )

    async def contents(self, store_id: str, paths: Sequence[str]) -> Mapping[str, str]:
        """Of those memories that there are."""

        def work(connection: Connection) -> Mapping[str, str]:
            found: dict[str, str] = {}
            for start in range(0, len(paths), _BATCH):
                some = memories.c.path.in_(paths[start : start + _BATCH])
                statement = select(memories.c.path, memories.c.content).where(memories.c.store_id == store_id, some)
                found |= {row.path: row.content for row in connection.execute(statement)}
            return found

        return await self._database.read(work)

    async def held(self, session_id: str, store_id: str) -> Mapping[str, Held]:
        """What the session's sandbox has, by path."""
        statement = select(mounted_memories).where(*_of(session_id, store_id))
        return await self._database.read(
            lambda connection: {
                row.path: Held(row.sha256, row.size, row.changed) for row in connection.execute(statement)
            }
        )

    async def hold(
        self, session_id: str, store_id: str, held: Mapping[str, Held | None], *, fresh: bool = False
    ) -> None:
        """It has these now (None: not any more); `fresh`: and nothing else."""

        def work(connection: Connection) -> None:
            if fresh:
                connection.execute(delete(mounted_memories).where(*_of(session_id, store_id)))
            _hold(connection, session_id, store_id, held)

        await self._database.write(work)

    async def apply(self, session_id: str, store_id: str, edit: Edit) -> Outcome:
        """Make an agent's edit a version, and note that its sandbox has it; both or neither."""

        def work(connection: Connection) -> Outcome:
            held_store = select(memory_stores).where(memory_stores.c.id == store_id).with_for_update()
            store = connection.execute(held_store).mappings().first()
            if store is None:
                return "the store was deleted"
            if store["archived_at"] is not None:
                return store_archived(store_id).message
            return _apply(connection, session_id, store_id, edit)

        try:
            return await self._database.write(work)
        except ApiError as error:
            return error.message


def _apply(connection: Connection, session_id: str, store_id: str, edit: Edit) -> Outcome:
    actor, row = Actor("session_actor", session_id), at_path(connection, store_id, edit.path)
    known = None if edit.held is None else edit.held.sha256
    found = None if row is None else row["sha256"]
    if edit.content is None:
        if row is not None and found != known:
            return "conflict"
        if row is not None:
            remove(connection, row, actor)
        _hold(connection, session_id, store_id, {edit.path: None})
        return "saved"
    if found != digest(edit.content):
        if found != known:
            return "conflict"
        if row is None:
            add(connection, store_id, edit.path, edit.content, actor)
        else:
            change_memory(connection, row, edit.path, edit.content, actor)
    held = Held(digest(edit.content), edit.size, edit.changed)
    _hold(connection, session_id, store_id, {edit.path: held})
    return "saved"


def _of(session_id: str, store_id: str) -> tuple[Any, Any]:
    return mounted_memories.c.session_id == session_id, mounted_memories.c.store_id == store_id


def _hold(connection: Connection, session_id: str, store_id: str, held: Mapping[str, Held | None]) -> None:
    paths, place = list(held), {"session_id": session_id, "store_id": store_id}
    for start in range(0, len(paths), _BATCH):
        some = paths[start : start + _BATCH]
        mine = *_of(session_id, store_id), mounted_memories.c.path.in_(some)
        connection.execute(delete(mounted_memories).where(*mine))
        rows = [{**place, "path": path, **each._asdict()} for path in some if (each := held[path]) is not None]
        if rows:
            connection.execute(insert(mounted_memories), rows)
