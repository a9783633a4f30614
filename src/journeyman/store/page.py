"""Pages of a list: opaque cursors bound to their order, and the query that continues from one."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select
from sqlalchemy.sql.elements import KeyedColumnElement

from journeyman.wire.errors import invalid
from journeyman.wire.lists import Order, TimeRange
from journeyman.wire.times import to_wire

T = TypeVar("T")


def within(bounds: TimeRange, column: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """The conditions that keep `column` (µs) in a range of time."""
    pairs = (
        (bounds.gt, column.__gt__),
        (bounds.gte, column.__ge__),
        (bounds.lt, column.__lt__),
        (bounds.lte, column.__le__),
    )
    return [compare(bound) for bound, compare in pairs if bound is not None]


def _holds(bounds: TimeRange, at: int) -> bool:
    return not (
        (bounds.gt is not None and at <= bounds.gt)
        or (bounds.gte is not None and at < bounds.gte)
        or (bounds.lt is not None and at >= bounds.lt)
        or (bounds.lte is not None and at > bounds.lte)
    )


_KEYS: dict[str, Any] = {
    "agents": str,
    "credentials": str,
    "dreams": str,
    "versions": int,
    "environments": str,
    "files": str,
    "memories": str,
    "memory stores": str,
    "memory versions": str,
    "sessions": str,
    "skills": str,
    "skill_versions": str,
    "threads": str,
    "vaults": str,
    "events": (int, int),
}
"""What an item's place looks like in the cursors of each list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, in the order asked for."""

    items: list[T]
    next_page: str | None
    prev_page: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: behind (or, backward, before) the item with this key."""

    list: str
    order: Order
    key: Any
    at: int
    backward: bool = False

    def encode(self) -> str:
        packed = orjson.dumps([self.list, self.order[0], self.key, self.at, int(self.backward)])
        return "page_" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(token: str | None, list_name: str, order: Order, bounds: TimeRange | None = None) -> Cursor | None:
    """The cursor of a `page` parameter. Raises ApiError when it is not one, or belongs to another list."""
    if token is None:
        return None
    try:
        if not token.startswith("page_"):
            raise ValueError(token)
        packed = token.removeprefix("page_")
        made_by, letter, key, at, backward = orjson.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        if not isinstance(at, int):
            raise TypeError(at)
        made_for: Order = {"a": "asc", "d": "desc"}[letter]  # pyright: ignore[reportAssignmentType]
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise invalid("invalid page cursor") from error
    if made_by != list_name or not _fits(key, _KEYS[list_name]):
        raise invalid("invalid page cursor")
    if made_for != order:
        raise invalid("page token order does not match request")
    if bounds is not None and not _holds(bounds, at):
        raise invalid(f"page: the cursor's position ({to_wire(at)}) is outside the created_at filter")
    return Cursor(list_name, made_for, key, at, bool(backward))


def _fits(key: Any, shape: Any) -> bool:
    if isinstance(shape, tuple):
        return isinstance(key, list) and len(key) == len(shape) and all(map(_fits, key, shape))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return type(key) is shape


def continue_from(
    statement: Select[*tuple[Any, ...]], key: KeyedColumnElement[Any], cursor: Cursor | None, order: Order, limit: int
) -> Select[*tuple[Any, ...]]:
    """`statement`, ordered and cut to one item more than the page holds."""
    backward = cursor is not None and cursor.backward
    ascending = (order == "asc") != backward
    if cursor is not None:
        statement = statement.where(key > cursor.key if ascending else key < cursor.key)
    return statement.order_by(key.asc() if ascending else key.desc()).limit(limit + 1)


def cut(
    list_name: str, rows: list[dict[str, Any]], key: str, at: str, cursor: Cursor | None, order: Order, limit: int
) -> Page[dict[str, Any]]:
    """The page from the rows that `continue_from` gave (one more than `limit` when there is another page)."""
    backward = cursor is not None and cursor.backward
    more = len(rows) > limit
    items = rows[:limit]
    if backward:
        items.reverse()
    if not items:
        return Page([], None)

    def token(row: Mapping[str, Any], *, back: bool) -> str:
        return Cursor(list_name, order, row[key], row[at], back).encode()

    has_next = backward or more
    has_prev = more if backward else cursor is not None
    next_page = token(items[-1], back=False) if has_next else None
    prev_page = token(items[0], back=True) if has_prev else None
    return Page(items, next_page, prev_page)
