"""Query parameters of the models list: its cursors are model ids."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from journeyman.wire.errors import invalid
from journeyman.wire.lists import Query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelPage(Generic[T]):
    """One page, and whether there is more in its direction."""

    items: list[T]
    has_more: bool


@dataclass(frozen=True, slots=True)
class ModelList:
    """At most one of the two cursors is set."""

    limit: int
    after_id: str | None
    before_id: str | None

    def cut(self, items: list[T], ids: list[str]) -> ModelPage[T]:
        """The page of `items`, whose ids are `ids`. Raises 400 for a cursor that is not among them."""
        if self.before_id is not None:
            end = _place(ids, "before_id", self.before_id)
            start = max(0, end - self.limit)
            return ModelPage(items[start:end], start > 0)
        start = 0 if self.after_id is None else _place(ids, "after_id", self.after_id) + 1
        return ModelPage(items[start : start + self.limit], start + self.limit < len(items))


def model_list(query: Query) -> ModelList:
    """Parse; raises ApiError naming the parameter."""
    given = dict(query)
    text = given.get("limit", "20")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1000):
        raise invalid("limit: must be between 1 and 1000")
    after, before = given.get("after_id"), given.get("before_id")
    if after and before:
        raise invalid("after_id: cannot be combined with before_id")
    return ModelList(int(text), after or None, before or None)


def _place(ids: list[str], name: str, model_id: str) -> int:
    try:
        return ids.index(model_id)
    except ValueError:
        raise invalid(f"{name}: no model {model_id}") from None
