"""Events that clients send, on their way into the inbox."""

from collections.abc import Sequence
from typing import Any

from journeyman.store.events import NewEvent
from journeyman.store.rendering import event_body
from journeyman.wire.events import EventParams, echo
from journeyman.wire.file_sources import FileNamed, named_in
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

_ON_RECEIPT = ("user.custom_tool_result", "user.define_outcome")
"""Types that are processed when they arrive: their echo carries a time."""


def new_events(events: Sequence[EventParams]) -> list[NewEvent]:
    """Each with a fresh id."""
    return [_new(event) for event in events]


def files_named(path: str, events: Sequence[NewEvent]) -> Sequence[FileNamed]:
    """What their content names by a file's id; `path` is where they stand in the request."""
    return list(named_in(path, [event.fields for event in events]))


def echoed(event: NewEvent) -> dict[str, Any]:
    """As the send is answered."""
    return event_body(event.id, event.type, event.processed_at, event.fields)


def _new(event: EventParams) -> NewEvent:
    fields = {key: value for key, value in echo(event, "", None).items() if key not in ("id", "type", "processed_at")}
    if event.type == "user.define_outcome":
        fields["outcome_id"] = new_id("outc")
    return NewEvent(event.type, fields, now_us() if event.type in _ON_RECEIPT else None)
