"""Skills as the wire shows them: today, and to clients that ask for the beta of the API's first months."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]
Row = Mapping[str, Any]


class Dialect(Protocol):
    label: str
    """The form field with a skill's label."""

    def skill(self, row: Row) -> JsonObject: ...
    def version(self, row: Row) -> JsonObject: ...
    def place(self, version: Row) -> str:
        """What stands for a version in paths."""
        ...

    def page(self, data: Sequence[JsonObject], next_page: str | None) -> JsonObject: ...


class _General:
    label = "display_name"

    def skill(self, row: Row) -> JsonObject:
        return {
            "id": row["id"],
            "type": "skill",
            "display_name": row["display_name"],
            "latest_version_id": row["latest_id"],
            "source": {"type": row["source"]},
            **_times(row),
        }

    def version(self, row: Row) -> JsonObject:
        return {"id": row["id"], **_version(row)}

    def place(self, version: Row) -> str:
        return version["id"]

    def page(self, data: Sequence[JsonObject], next_page: str | None) -> JsonObject:
        return {"data": data, "next_page": next_page}


class _Early:
    label = "display_title"

    def skill(self, row: Row) -> JsonObject:
        return {
            "id": row["id"],
            "type": "skill",
            "display_title": row["display_name"],
            "latest_version": None if row["latest_number"] is None else str(row["latest_number"]),
            "source": row["source"],
            **_times(row),
        }

    def version(self, row: Row) -> JsonObject:
        numbered = {"version": row["number"], "directory": row["name"]}
        return {"id": row["id"].replace("skver_", "skill_version_"), **_version(row), **numbered}

    def place(self, version: Row) -> str:
        return version["number"]

    def page(self, data: Sequence[JsonObject], next_page: str | None) -> JsonObject:
        return {"data": data, "has_more": next_page is not None, "next_page": next_page}


def _times(row: Row) -> JsonObject:
    return {"created_at": to_wire(row["created_at"]), "updated_at": to_wire(row["updated_at"])}


def _version(row: Row) -> JsonObject:
    return {
        "type": "skill_version",
        "skill_id": row["skill_id"],
        "name": row["name"],
        "description": row["description"],
        "created_at": to_wire(row["created_at"]),
    }


general: Dialect = _General()
early: Dialect = _Early()
