"""Files: what is known of them. Their bytes are blobs, which copies share."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from journeyman.store.database import Database
from journeyman.store.page import Cursor, Page, continue_from, cut, read_cursor
from journeyman.store.prepared import Prepared
from journeyman.store.tables import files
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.file_sources import FileNamed, check_source
from journeyman.wire.files import FileList, expired, no_file, not_downloadable, storage_full
from journeyman.wire.ids import is_id
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]

_KEPT_EXPIRED = 30 * 86_400 * 1_000_000
"""Microseconds for which an expired file is still listed."""


class Files:
    """One workspace's; never changed after they are made."""

    def __init__(self, database: Database, quota: int) -> None:
        """`quota` is the bytes of a workspace's files, 0 for no limit."""
        self._database = database
        self._quota = quota

    async def check_room(self, workspace: str) -> None:
        """Raises 400 when the quota is used up."""
        await self._database.read(lambda connection: self.check(connection, workspace, 1))

    async def create(self, row: Mapping[str, Any]) -> JsonObject:
        """`row` has all columns of the table but `created_at`. Raises 400 when the quota does not allow it."""
        full = {**row, "created_at": now_us()}

        def work(connection: Connection) -> JsonObject:
            self.check(connection, row["workspace_id"], row["size"])
            connection.execute(insert(files).values(full))
            return render_file(full)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, file_id: str) -> JsonObject:
        """Raises 404."""
        return render_file(await self._database.read(lambda connection: find_file(connection, workspace, file_id)))

    async def content(self, workspace: str, file_id: str) -> tuple[str, str] | None:
        """Type and blob of a file that is there."""
        try:
            row = await self._database.read(lambda connection: find_file(connection, workspace, file_id))
        except ApiError:
            return None
        return None if has_expired(row) else (row["mime_type"], row["blob"])

    async def check_sources(self, workspace: str, named: Sequence[FileNamed]) -> None:
        """Whether content may name these. Raises 404, 400."""

        def work(connection: Connection) -> None:
            for each in named:
                row = find_file(connection, workspace, each.file_id)
                if has_expired(row):
                    raise expired(each.file_id)
                check_source(each, row["mime_type"], row["size"])

        if named:
            await self._database.read(work)

    async def downloadable(self, workspace: str, file_id: str) -> Mapping[str, Any]:
        """The row of a file whose content may be read. Raises 404, 400."""
        row = await self._database.read(lambda connection: find_file(connection, workspace, file_id))
        if has_expired(row):
            raise expired(file_id)
        if not row["downloadable"]:
            raise not_downloadable(file_id)
        return row

    async def delete(self, workspace: str, file_id: str) -> str | None:
        """Forget it; the key of the blob that nothing needs any more. Raises 404."""

        def work(connection: Connection) -> str | None:
            blob = find_file(connection, workspace, file_id, lock=True)["blob"]
            connection.execute(delete(files).where(files.c.id == file_id))
            shared = select(files.c.id).where(files.c.blob == blob).limit(1)
            return None if blob is None or connection.execute(shared).first() else str(blob)

        return await self._database.write(work)

    async def list(self, workspace: str, query: FileList) -> Page[JsonObject]:
        """Newest first."""
        mine = select(files).where(files.c.workspace_id == workspace)
        if query.scope_id is not None:
            mine = mine.where(files.c.scope_id == query.scope_id)
        if query.ids is not None:
            mine = mine.where(files.c.id.in_(query.ids)).order_by(files.c.id.desc())
            rows = await self._database.read(lambda connection: connection.execute(mine).mappings().all())
            return Page([render_file(dict(row)) for row in rows], None)
        cursor = _cursor(query)
        mine = continue_from(mine, files.c.id, cursor, "desc", query.limit)
        rows = await self._database.read(lambda connection: connection.execute(mine).mappings().all())
        found = cut("files", [dict(row) for row in rows], "id", "created_at", cursor, "desc", query.limit)
        return Page([render_file(row) for row in found.items], found.next_page, found.prev_page)

    async def expire(self) -> Collection[str]:
        """Let go of what has expired: blobs that nothing needs any more, by key; names are forgotten 30 days later."""
        now = now_us()

        def work(connection: Connection) -> Collection[str]:
            over = (files.c.expires_at <= now) & files.c.blob.is_not(None)
            blobs = set(connection.execute(select(files.c.blob).where(over)).scalars())
            connection.execute(update(files).where(over).values(blob=None))
            connection.execute(delete(files).where(files.c.expires_at <= now - _KEPT_EXPIRED))
            return blobs - _named(connection, blobs)

        return await self._database.write(work)

    async def named(self, blobs: Collection[str]) -> Collection[str]:
        """Those of these keys that some file has."""
        return await self._database.read(lambda connection: _named(connection, blobs))

    def check(self, connection: Connection, workspace: str, size: int) -> None:
        """Raises 400 when a file of this size has no room."""
        if self._quota and _used(connection, workspace) + size > self._quota:
            raise storage_full(self._quota)


_BY_ID = select(files).where(files.c.id == bindparam("file"), files.c.workspace_id == bindparam("workspace"))
_FOUND = Prepared(_BY_ID)
_LOCKED = Prepared(_BY_ID.with_for_update())
# A session's copies of uploaded files do not count.
_USED = Prepared(
    select(func.coalesce(func.sum(files.c.size), 0).label("used")).where(
        files.c.workspace_id == bindparam("workspace"),
        files.c.blob.is_not(None),
        or_(files.c.scope_id.is_(None), files.c.downloadable != 0),
    )
)


def find_file(connection: Connection, workspace: str, file_id: str, *, lock: bool = False) -> Mapping[str, Any]:
    """Its row. Raises 404."""
    statement = _LOCKED if lock else _FOUND
    row = statement.first(connection, file=file_id, workspace=workspace) if is_id("file", file_id) else None
    if row is None:
        raise no_file(file_id)
    return row


def has_expired(row: Mapping[str, Any]) -> bool:
    return row["blob"] is None or (row["expires_at"] is not None and row["expires_at"] <= now_us())


def render_file(row: Mapping[str, Any]) -> JsonObject:
    """As the wire shows it."""
    return {
        "id": row["id"],
        "type": "file",
        "filename": row["filename"],
        "mime_type": row["mime_type"],
        "size_bytes": row["size"],
        "created_at": to_wire(row["created_at"]),
        "expires_at": None if row["expires_at"] is None else to_wire(row["expires_at"]),
        "downloadable": bool(row["downloadable"]),
        "scope": None if row["scope_id"] is None else {"id": row["scope_id"], "type": "session"},
    }


def _used(connection: Connection, workspace: str) -> int:
    found = _USED.first(connection, workspace=workspace)
    assert found is not None
    return int(found["used"])


def _named(connection: Connection, blobs: Collection[str]) -> set[str]:
    return set(connection.execute(select(files.c.blob).where(files.c.blob.in_(blobs))).scalars())


def _cursor(query: FileList) -> Cursor | None:
    place = query.after_id or query.before_id
    if place is None:
        return read_cursor(query.page, "files", "desc")
    if not is_id("file", place):
        raise invalid(f"{'after_id' if query.after_id else 'before_id'}: expected the id of a file")
    return Cursor("files", "desc", place, 0, backward=query.before_id is not None)
