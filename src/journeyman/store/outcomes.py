"""Outcomes in a session's row: what is shown of each, and that there is one at a time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, update

from journeyman.store.rendering import dump, load
from journeyman.store.tables import sessions
from journeyman.wire import outcomes as wire

if TYPE_CHECKING:
    from journeyman.store.events import NewEvent

DEFINED = "user.define_outcome"


def outcomes_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As the wire shows them, oldest first."""
    return load(row["outcomes"]) if row["outcomes"] else []


def check_free(row: Mapping[str, Any], place: int) -> None:
    """Raises ApiError while an outcome is open."""
    for each in outcomes_of(row):
        if wire.is_open(each):
            raise wire.still_open(place, each["outcome_id"])


def note_pending(connection: Connection, row: Mapping[str, Any], new: Sequence["NewEvent"]) -> None:
    """Those that are defined by new events. The owner writes nothing here before it has taken them."""
    found = pending(new)
    if found:
        told = dump([*outcomes_of(row), *found])
        connection.execute(update(sessions).where(sessions.c.id == row["id"]).values(outcomes=told))


def pending(new: Sequence["NewEvent"]) -> list[dict[str, Any]]:
    return [wire.pending(event.fields) for event in new if event.type == DEFINED]
