"""JSON objects from the wire, known to be objects before anyone reads their keys."""

from typing import TypeGuard

import orjson

from journeyman.models.port import JsonObject


def is_object(value: object) -> TypeGuard[JsonObject]:
    """A decoded JSON value that is an object."""
    return isinstance(value, dict)


def decode(data: bytes) -> JsonObject | None:
    """The object in a JSON text; None for other values and for what is not JSON."""
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if is_object(value) else None
