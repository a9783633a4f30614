"""Skills and their versions. Their files are blobs; the built-in ones are not in the database."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from journeyman.skills.bundle import Bundle
from journeyman.skills.catalogue import CHANGED_AT, VERSION, Builtin, Catalogue
from journeyman.store.database import Database
from journeyman.store.page import Page, continue_from, cut, read_cursor
from journeyman.store.tables import skill_versions, skills
from journeyman.wire.errors import invalid
from journeyman.wire.ids import is_id, new_id
from journeyman.wire.skills import (
    LATEST,
    SkillList,
    VersionList,
    another_name,
    last_version,
    no_skill,
    no_version,
    read_only,
)
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]
SkillRow = Mapping[str, Any]
"""A skill: `id`, `name`, `display_name`, `source`, its times; `latest_id` and `latest_number` of its newest version."""
VersionRow = Mapping[str, Any]
"""A version: `id`, `number`, `skill_id`, `name`, `description`, `created_at`, `blob` (None: built in)."""


class Skills:
    """One workspace's uploaded skills, and those that every workspace has."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    async def create(
        self, workspace: str, bundle: Bundle, label: str | None, version_id: str, blob: str, size: int
    ) -> SkillRow:
        """A skill with its first version, whose files are the blob."""
        skill_id, now = new_id("skill"), now_us()

        def work(connection: Connection) -> SkillRow:
            row = {"id": skill_id, "workspace_id": workspace, "name": bundle.name, "latest_id": version_id}
            row |= {"display_name": label or bundle.name, "created_at": now, "updated_at": now}
            connection.execute(insert(skills).values(row))
            _insert_version(connection, skill_id, bundle, version_id, now, blob, size)
            return _found(connection, workspace, skill_id)

        return await self._database.write(work)

    async def add_version(
        self, workspace: str, skill_id: str, bundle: Bundle, version_id: str, blob: str, size: int
    ) -> VersionRow:
        """The newest from now on. Raises 404, 400."""
        self._check_custom(skill_id)

        def work(connection: Connection) -> VersionRow:
            skill = _found(connection, workspace, skill_id, lock=True)
            if bundle.name != skill["name"]:
                raise another_name(skill["name"], bundle.name)
            now = max(now_us(), (skill["latest_number"] or 0) + 1)
            _insert_version(connection, skill_id, bundle, version_id, now, blob, size)
            _set_latest(connection, skill_id, version_id, now)
            return _version(connection, skill, version_id)

        return await self._database.write(work)

    async def retrieve(self, workspace: str, skill_id: str) -> SkillRow:
        """Raises 404."""
        builtin = self._catalogue.skills.get(skill_id)
        if builtin is not None:
            return _builtin_skill(builtin)
        return await self._database.read(lambda connection: _found(connection, workspace, skill_id))

    async def list(self, workspace: str, query: SkillList, *, empty: bool) -> Page[SkillRow]:
        """Newest first, then the built-in ones; with `empty` also skills without a version."""
        cursor = read_cursor(query.page, "skills", "desc")
        place = cursor.key if cursor is not None else None
        in_builtins = place in self._catalogue.skills
        rows: list[Any] = []
        if query.source in (None, "custom") and not in_builtins:
            mine = _joined().where(skills.c.workspace_id == workspace)
            if not empty:
                mine = mine.where(skills.c.latest_id.is_not(None))
            mine = continue_from(mine, skills.c.id, cursor, "desc", query.limit)
            rows += await self._database.read(lambda connection: [_row(each) for each in _all(connection, mine)])
        if query.source in (None, "anthropic"):
            rows += map(_builtin_skill, self._catalogue.after(place if in_builtins else None))
        found = cut("skills", rows[: query.limit + 1], "id", "created_at", cursor, "desc", query.limit)
        return Page(list(found.items), found.next_page)

    async def delete(self, workspace: str, skill_id: str) -> Collection[str]:
        """With all its versions; the keys of their blobs. Raises 404, 400."""
        self._check_custom(skill_id)

        def work(connection: Connection) -> Collection[str]:
            _found(connection, workspace, skill_id, lock=True)
            mine = skill_versions.c.skill_id == skill_id
            blobs = list(connection.execute(select(skill_versions.c.blob).where(mine)).scalars())
            connection.execute(delete(skill_versions).where(mine))
            connection.execute(delete(skills).where(skills.c.id == skill_id))
            return blobs

        return await self._database.write(work)

    async def version(self, workspace: str, skill_id: str, version: str) -> VersionRow:
        """By id, by number, or `latest`. Raises 404."""
        if skill_id in self._catalogue.skills:
            builtin = self._catalogue.find(skill_id, version)
            if builtin is None:
                raise no_version(version)
            return _builtin_version(builtin)

        def work(connection: Connection) -> VersionRow:
            return _version(connection, _found(connection, workspace, skill_id), version)

        return await self._database.read(work)

    async def versions(self, workspace: str, skill_id: str, query: VersionList) -> Page[VersionRow]:
        """Oldest first. Raises 404."""
        cursor = read_cursor(query.page, "skill_versions", "asc")
        builtin = self._catalogue.skills.get(skill_id)
        if builtin is not None:
            return Page([] if cursor is not None else [_builtin_version(builtin)], None)

        def work(connection: Connection) -> list[JsonObject]:
            skill = _found(connection, workspace, skill_id)
            mine = select(skill_versions).where(skill_versions.c.skill_id == skill_id)
            mine = continue_from(mine, skill_versions.c.id, cursor, "asc", query.limit)
            return [_version_row(skill, each) for each in _all(connection, mine)]

        rows = await self._database.read(work)
        found = cut("skill_versions", rows, "id", "created_at", cursor, "asc", query.limit)
        return Page(list(found.items), found.next_page)

    async def delete_version(
        self, workspace: str, skill_id: str, version: str, *, last_too: bool
    ) -> tuple[VersionRow, str]:
        """The version, and the key of its blob. Raises 404, and 400 for the only one unless `last_too`."""
        self._check_custom(skill_id)

        def work(connection: Connection) -> tuple[VersionRow, str]:
            skill = _found(connection, workspace, skill_id, lock=True)
            row = _version(connection, skill, version)
            others = select(skill_versions.c.id).where(
                skill_versions.c.skill_id == skill_id, skill_versions.c.id != row["id"]
            )
            newest = connection.execute(others.order_by(skill_versions.c.id.desc()).limit(1)).scalar()
            if newest is None and not last_too:
                raise last_version()
            connection.execute(delete(skill_versions).where(skill_versions.c.id == row["id"]))
            _set_latest(connection, skill_id, newest, now_us())
            return row, row["blob"]

        return await self._database.write(work)

    async def named(self, blobs: Collection[str]) -> Collection[str]:
        """Those of these keys that some version has."""
        found = select(skill_versions.c.blob).where(skill_versions.c.blob.in_(blobs))
        return await self._database.read(lambda connection: set(connection.execute(found).scalars()))

    def _check_custom(self, skill_id: str) -> None:
        if skill_id in self._catalogue.skills:
            raise read_only(skill_id)


def find_skill(
    connection: Connection, workspace: str, catalogue: Catalogue, wanted: Mapping[str, Any]
) -> JsonObject | None:
    """What a skill of an agent's is now; None when it is not there."""
    if wanted["type"] == "anthropic":
        builtin = catalogue.find(wanted["skill_id"], wanted["version"])
        found = None if builtin is None else _builtin_version(builtin)
    else:
        row = _look(connection, workspace, wanted["skill_id"])
        found = None if row is None else _look_version(connection, row, wanted["version"])
    return None if found is None else {key: found[key] for key in ("skill_id", "id", "name", "description", "blob")}


def _joined() -> Select[*tuple[Any, ...]]:
    newest = skill_versions.c.id == skills.c.latest_id
    return select(skills, skill_versions.c.created_at.label("latest_number")).join_from(
        skills, skill_versions, newest, isouter=True
    )


def _all(connection: Connection, statement: Select[*tuple[Any, ...]]) -> list[JsonObject]:
    return [dict(row) for row in connection.execute(statement).mappings()]


def _row(row: JsonObject) -> JsonObject:
    return {**row, "source": "custom"}


def _look(connection: Connection, workspace: str, skill_id: str, *, lock: bool = False) -> JsonObject | None:
    if not is_id("skill", skill_id):
        return None
    mine = skills.c.id == skill_id, skills.c.workspace_id == workspace
    if lock:
        connection.execute(select(skills.c.id).where(*mine).with_for_update())
    rows = _all(connection, _joined().where(*mine))
    return _row(rows[0]) if rows else None


def _found(connection: Connection, workspace: str, skill_id: str, *, lock: bool = False) -> JsonObject:
    row = _look(connection, workspace, skill_id, lock=lock)
    if row is None:
        raise no_skill(skill_id)
    return row


def _look_version(connection: Connection, skill: SkillRow, version: str) -> JsonObject | None:
    wanted = skill["latest_id"] if version == LATEST else version
    names: list[Any] = [skill_versions.c.id == (wanted or "").replace("skill_version_", "skver_")]
    if version.isascii() and version.isdigit() and len(version) < 18:
        names.append(skill_versions.c.created_at == int(version))
    rows = _all(connection, select(skill_versions).where(skill_versions.c.skill_id == skill["id"], or_(*names)))
    return _version_row(skill, rows[0]) if rows else None


def _version(connection: Connection, skill: SkillRow, version: str) -> JsonObject:
    if "\0" in version:
        raise invalid("version: must not contain a null character")
    row = _look_version(connection, skill, version)
    if row is None:
        raise no_version(version)
    return row


def _version_row(skill: SkillRow, row: JsonObject) -> JsonObject:
    return {**row, "name": skill["name"], "number": str(row["created_at"])}


def _insert_version(
    connection: Connection, skill_id: str, bundle: Bundle, version_id: str, at: int, blob: str, size: int
) -> None:
    row = {"id": version_id, "skill_id": skill_id, "description": bundle.description, "created_at": at}
    connection.execute(insert(skill_versions).values({**row, "blob": blob, "size": size}))


def _set_latest(connection: Connection, skill_id: str, version_id: str | None, at: int) -> None:
    connection.execute(update(skills).where(skills.c.id == skill_id).values(latest_id=version_id, updated_at=at))


def _builtin_skill(builtin: Builtin) -> SkillRow:
    return {
        "id": builtin.name,
        "name": builtin.name,
        "display_name": builtin.title,
        "source": "anthropic",
        "latest_id": VERSION,
        "latest_number": VERSION,
        "created_at": CHANGED_AT,
        "updated_at": CHANGED_AT,
    }


def _builtin_version(builtin: Builtin) -> VersionRow:
    return {
        "id": VERSION,
        "number": VERSION,
        "skill_id": builtin.name,
        "name": builtin.name,
        "description": builtin.description,
        "created_at": CHANGED_AT,
        "blob": None,
    }
