"""Custom tools: called by the model, executed by the client."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field

from journeyman.wire.errors import invalid
from journeyman.wire.json_value import Json, is_array, is_object
from journeyman.wire.parse_error import quote
from journeyman.wire.strict import Strict, refuse

_TOP_LEVEL_COMBINATORS = ("oneOf", "anyOf", "allOf")
_DATA_KEYWORDS = ("const", "default", "enum", "examples")
_NAMED_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def _storable(schema: Json) -> Json:
    """JSON beyond 64-bit integers, and NaN, has no portable form."""
    try:
        same = orjson.loads(orjson.dumps(schema)) == schema
    except TypeError:
        same = False
    if not same:
        raise refuse("contains a number that is out of range")
    return schema


class CustomToolParams(Strict):
    """A tool the client executes."""

    type: Literal["custom"]
    name: Annotated[str, Field(min_length=1, max_length=128)]
    description: str
    input_schema: Annotated[dict[str, Any], AfterValidator(_storable)]


def materialise(tool: CustomToolParams) -> Json:
    """The stored form: as sent."""
    return {
        "type": "custom",
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
    }


def check(path: str, tool: CustomToolParams, reserved: frozenset[str]) -> None:
    """Raise ApiError for a name or schema that cannot be offered to a model."""
    if not all(char.isascii() and (char.isalnum() or char in "_-") for char in tool.name):
        raise invalid(f"{path}.name: must consist of letters, digits, underscores and hyphens")
    if tool.name in reserved:
        raise invalid(f"{path}.name: {quote(tool.name)} is the name of a built-in tool")
    if tool.name.startswith("mcp__"):
        raise invalid(f'{path}.name: the prefix "mcp__" is reserved')
    _check_schema(f"{path}.input_schema", tool.input_schema)


def _check_schema(path: str, schema: Json) -> None:
    if schema.get("type") != "object":
        raise invalid(f'{path}.type: must be "object"')
    for keyword in _TOP_LEVEL_COMBINATORS:
        if keyword in schema:
            raise invalid(f"{path}: {keyword} is not supported at the top level")
    properties: object = schema.get("properties")
    if properties is not None and not is_object(properties):
        raise invalid(f"{path}.properties: must be an object")
    for name in properties or {}:
        if not 1 <= len(name) <= 64:
            raise invalid(f"{path}.properties: name {quote(name)} must be 1 to 64 characters long")
    required: object = schema.get("required")
    if required is not None and not (is_array(required) and all(isinstance(name, str) for name in required)):
        raise invalid(f"{path}.required: must be an array of strings")
    if any("$ref" in part for part in _subschemas(schema)):
        raise invalid(f"{path}: $ref is not supported; write the referenced schema in its place")


def _subschemas(root: Json) -> Iterator[Json]:
    """Every schema object in `root`, itself included; not the data in `const`, `default` and the like."""
    pending: list[object] = [root]
    while pending:
        node = pending.pop()
        if is_array(node):
            pending.extend(node)
        elif is_object(node):
            yield node
            for keyword, value in node.items():
                if keyword in _NAMED_SCHEMAS and is_object(value):
                    pending.extend(value.values())
                elif keyword not in _DATA_KEYWORDS:
                    pending.append(value)
