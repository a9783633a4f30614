"""JSON text as the tables hold it and the wire shows it."""

from typing import Any

import orjson

from journeyman.wire.times import to_wire


def dump(value: Any) -> str:
    """Compact JSON."""
    return orjson.dumps(value).decode()


def load(text: str) -> Any:
    return orjson.loads(text)


def event_body(id_: str, type_: str, processed_at: int | None, fields: dict[str, Any]) -> dict[str, Any]:
    """An event as the wire shows it: identity first, then its own fields."""
    stamp = None if processed_at is None else to_wire(processed_at)
    return {"id": id_, "type": type_, **fields, "processed_at": stamp}
