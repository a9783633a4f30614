"""The files of sessions: each a copy of its own, put into the sandbox at a path."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from journeyman.store.database import Database
from journeyman.store.files import find_file, has_expired
from journeyman.store.memory_stores import find_store
from journeyman.store.port import Mount
from journeyman.store.prepared import Prepared
from journeyman.store.rendering import dump, load
from journeyman.store.session_rows import lock_session, session_row
from journeyman.store.tables import files, sessions
from journeyman.wire import mounts
from journeyman.wire.errors import invalid
from journeyman.wire.files import expired
from journeyman.wire.ids import new_id
from journeyman.wire.memory_stores import MOST_PER_SESSION, place_of, store_archived
from journeyman.wire.repositories import not_removable
from journeyman.wire.resources import FileResource, MemoryStoreResource, ResourceParams
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]

_INSERT = Prepared(insert(files))
_OF = Prepared(select(sessions.c.resources).where(sessions.c.id == bindparam("session")))
_COPIES = Prepared(select(files.c.id, files.c.blob, files.c.expires_at).where(files.c.scope_id == bindparam("session")))


class Resources:
    """They stand in their session's row; one that was removed until its file is out of the sandbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, workspace: str, session_id: str, resource: FileResource) -> JsonObject:
        """Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            row = lock_session(connection, workspace, session_id)
            if row["archived_at"] is not None:
                raise invalid(f"Session {session_id} is archived and cannot be updated.")
            before = stored(row)
            (made,) = attach(connection, workspace, session_id, [resource], before)
            _store(connection, session_id, [*before, made])
            return mounts.shown(made)

        return await self._database.write(work)

    async def listed(self, workspace: str, session_id: str) -> Sequence[tuple[str, JsonObject]]:
        """Their ids, which not all show, and what is shown of them. Raises 404."""
        row = await self._database.read(lambda connection: session_row(connection, workspace, session_id))
        return [(each["id"], mounts.shown(each)) for each in stored(row) if not each.get("removed")]

    async def retrieve(self, workspace: str, session_id: str, resource_id: str) -> JsonObject:
        """Raises 404."""
        for each, resource in await self.listed(workspace, session_id):
            if each == resource_id:
                return resource
        raise mounts.no_resource()

    async def remove(self, workspace: str, session_id: str, resource_id: str) -> str:
        """The id of the session's copy. Raises 404."""

        def work(connection: Connection) -> str:
            before = stored(lock_session(connection, workspace, session_id))
            found = [each for each in before if each["id"] == resource_id and not each.get("removed")]
            if not found:
                raise mounts.no_resource()
            if found[0]["type"] != "file":
                raise not_removable()
            after = [{**each, "removed": True} if each["id"] == resource_id else each for each in before]
            _store(connection, session_id, after)
            return str(found[0]["file_id"])

        return await self._database.write(work)

    async def mounts(self, session_id: str) -> Sequence[Mount]:
        """What is to be in the sandbox, and what is to be taken out of it."""

        def work(connection: Connection) -> Sequence[Mount]:
            row = _OF.first(connection, session=session_id)
            resources = [each for each in stored(row or {}) if each["type"] == "file"]
            if not resources:
                return ()
            copies = {copy["id"]: copy for copy in _COPIES.rows(connection, session=session_id)}
            return [_mount(resource, copies.get(resource["file_id"])) for resource in resources]

        return await self._database.read(work)

    async def repositories(self, session_id: str) -> Sequence[JsonObject]:
        """As they are stored."""

        def work(connection: Connection) -> Sequence[JsonObject]:
            row = _OF.first(connection, session=session_id)
            return [each for each in stored(row or {}) if each["type"] == "github_repository"]

        return await self._database.read(work)

    async def settle(self, session_id: str, resource_id: str, found: JsonObject) -> None:
        """What a repository's checkout has come to."""

        def work(connection: Connection) -> None:
            row = _held(connection, session_id)
            changed = [{**each, **found} if each["id"] == resource_id else each for each in stored(row)]
            if row and changed != stored(row):
                _store(connection, session_id, changed)

        await self._database.write(work)

    async def rotate(self, workspace: str, session_id: str, resource_id: str, sealed: str) -> JsonObject:
        """Raises 404, 400."""

        def work(connection: Connection) -> JsonObject:
            row = lock_session(connection, workspace, session_id)
            if row["archived_at"] is not None:
                raise invalid(f"Session {session_id} is archived and cannot be updated.")
            found = next((each for each in stored(row) if each["id"] == resource_id and not each.get("removed")), None)
            if found is None:
                raise mounts.no_resource()
            if found["type"] != "github_repository":
                raise mounts.refuse_rotation()
            changed = {**found, "sealed": sealed, "updated_at": to_wire(now_us())}
            _store(connection, session_id, [changed if each["id"] == resource_id else each for each in stored(row)])
            return mounts.shown(changed)

        return await self._database.write(work)

    async def forget(self, session_id: str, resource_ids: Sequence[str]) -> None:
        """These are out of the sandbox."""

        def work(connection: Connection) -> None:
            row = _held(connection, session_id)
            if row:
                _store(connection, session_id, [each for each in stored(row) if each["id"] not in resource_ids])

        await self._database.write(work)


def attach(
    connection: Connection,
    workspace: str,
    session_id: str,
    wanted: Sequence[FileResource],
    before: Sequence[JsonObject] = (),
) -> Sequence[JsonObject]:
    """Copy files for a session; its new resources. Raises 404, 400."""
    there = [resource for resource in before if resource["type"] == "file" and not resource.get("removed")]
    if len(there) + len(wanted) > mounts.MOST_FILES:
        raise mounts.too_many()
    taken = [resource["mount_path"] for resource in there]
    made: Any = []
    for resource in wanted:
        path = mounts.resolve(resource, taken)
        source = find_file(connection, workspace, resource.file_id, lock=True)
        if has_expired(source):
            raise expired(resource.file_id)
        now = now_us()
        copy = {**source, "id": new_id("file"), "downloadable": 0, "scope_id": session_id, "created_at": now}
        _INSERT.change(connection, **copy)
        times = {"created_at": to_wire(now), "updated_at": to_wire(now)}
        made.append({"id": new_id("sesrsc"), "type": "file", "file_id": copy["id"], "mount_path": path, **times})
        taken.append(path)
    return made


def attach_stores(
    connection: Connection, workspace: str, wanted: Sequence[MemoryStoreResource]
) -> Sequence[JsonObject]:
    """The memory stores of a new session, as they are called now. Raises 404, 400."""
    if len(wanted) > MOST_PER_SESSION:
        raise invalid(f"resources: a session can have at most {MOST_PER_SESSION} memory stores")
    made: list[JsonObject] = []
    for resource in wanted:
        store = find_store(connection, workspace, resource.memory_store_id)
        if store["archived_at"] is not None:
            raise store_archived(store["id"])
        if any(store["id"] == each["memory_store_id"] for each in made):
            raise invalid(f"resources: memory store {store['id']} is attached twice")
        taken = [each["mount_path"] for each in made]
        now = to_wire(now_us())
        made.append(
            {
                "id": new_id("sesrsc"),
                "type": "memory_store",
                "memory_store_id": store["id"],
                "access": resource.access or "read_write",
                "name": store["name"],
                "description": store["description"],
                "instructions": resource.instructions,
                "mount_path": place_of(store["name"], taken),
                "created_at": now,
                "updated_at": now,
            }
        )
    return made


def in_order(wanted: Sequence[ResourceParams], made: Sequence[JsonObject]) -> Sequence[JsonObject]:
    """What was made, each kind in its own order, in the order in which it was wanted."""
    waiting = {kind: [each for each in made if each["type"] == kind] for kind in {each["type"] for each in made}}
    return [waiting[each.type].pop(0) for each in wanted]


def _held(connection: Connection, session_id: str) -> JsonObject:
    """The column, held until the transaction ends; nothing where there is no such session."""
    statement = select(sessions.c.resources).where(sessions.c.id == session_id).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    return {} if row is None else dict(row)


def stored(row: Mapping[str, Any]) -> Sequence[JsonObject]:
    """All that stands in a session's row."""
    return load(row["resources"]) if row.get("resources") else ()


def render_resources(row: Mapping[str, Any]) -> Sequence[JsonObject]:
    """As the wire shows them."""
    return [mounts.shown(resource) for resource in stored(row) if not resource.get("removed")]


def _store(connection: Connection, session_id: str, resources: Sequence[JsonObject]) -> None:
    values = {"resources": dump(resources), "updated_at": now_us()}
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))


def _mount(resource: JsonObject, copy: Mapping[str, Any] | None) -> Mount:
    blob = None if copy is None or resource.get("removed") or has_expired(copy) else copy["blob"]
    return Mount(resource["id"], resource["mount_path"], blob, bool(resource.get("removed")))
