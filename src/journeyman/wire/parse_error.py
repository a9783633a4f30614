"""How a body that does not parse is answered: the reference's wording, with bracketed paths."""

import json
from collections.abc import Collection, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.json_value import is_array, is_object

_NOUN_OF = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_BOUND_OF = {
    "string_too_short": "must be at least {min_length} characters long",
    "string_too_long": "must be at most {max_length} characters long",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
_BAD_VALUE = ("literal_error", "union_tag_invalid")
_MISSING = ("missing", "union_tag_not_found")
_UNKNOWN_FIELD = ("extra_forbidden", "unknown_field")
_CLIP = 200
"""Characters of a client's own text that a message repeats."""


def parse_error(error: ValidationError, body: bytes, what: str) -> ApiError:
    """The 400 for the first error: unknown values come before unknown fields, those before malformed ones."""
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return invalid(f"Failed to parse {what} body: invalid JSON: {details[0].get('ctx', {}).get('error')}")
    root: object = from_json(body)
    if not is_object(root):
        return invalid(f"Failed to parse {what} body: expected an object, got {_kind(root)}")
    first = min(details, key=_rank)
    if first["type"] in _UNKNOWN_FIELD:
        return invalid(f"Failed to parse {what} body: {_unknown_field(first, root)}")
    return invalid(f"Failed to parse {what}: {_path(_location(first), root)}: {_reason(first)}")


def bad_value(value: object, choices: Collection[str]) -> str:
    """The reason for refusing `value` where only `choices` are accepted."""
    expected = "expected" if len(choices) == 1 else "expected one of"
    return f"{quote(value)} is not a valid value; {expected} {', '.join(sorted(choices))}"


def quote(value: object) -> str:
    """A client's value as JSON, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _CLIP else f"{text[:_CLIP]}…"


def _rank(detail: ErrorDetails) -> int:
    if detail["type"] in _BAD_VALUE:
        return 0
    return 1 if detail["type"] in _UNKNOWN_FIELD else 2


def _location(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Where the error is; an unusable union tag is an error of the field that holds it."""
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (*detail["loc"], _discriminator(detail))
    return detail["loc"]


def _discriminator(detail: ErrorDetails) -> str:
    return str(detail.get("ctx", {}).get("discriminator", "type")).strip("'")


def _unknown_field(detail: ErrorDetails, root: object) -> str:
    *parents, name = detail["loc"] if detail["type"] == "extra_forbidden" else (*detail["loc"], detail["msg"])
    # The name only keeps a union tag at the end from being read as a field.
    inside = _path((*parents, ""), root).removesuffix(".")
    message = f"unknown field {quote(name)}"
    return f"{message} in {inside}" if inside else message


def _path(location: Sequence[int | str], root: object) -> str:
    """`tools[0].configs[1].name`: the location without union tags or anything inside a bare string."""
    text, node = "", root
    for position, step in enumerate(location):
        if isinstance(node, str):
            break
        # A tag is never the last step: what is wrong with it is reported on the field that holds it.
        if is_object(node) and node.get("type") == step and position + 1 < len(location):
            continue
        text += f"[{step}]" if isinstance(step, int) else f".{step[:_CLIP]}"
        node = _child(node, step)
    return text.removeprefix(".")


def _child(node: object, step: int | str) -> object:
    if is_object(node) and isinstance(step, str):
        return node.get(step)
    if is_array(node) and isinstance(step, int) and step < len(node):
        return node[step]
    return None


def _reason(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BAD_VALUE:
        return _bad_value(detail)
    if kind in _NOUN_OF:
        return f"expected {_NOUN_OF[kind]}, got {_kind(detail['input'])}"
    if kind in _BOUND_OF:
        return "must not be empty" if context.get("min_length") == 1 else _BOUND_OF[kind].format_map(context)
    if kind == "refused":
        return detail["msg"]
    return "field is required" if kind in _MISSING else f"{quote(detail['input'])} is not valid"


def _bad_value(detail: ErrorDetails) -> str:
    value: object = detail["input"]
    context = detail.get("ctx", {})
    if detail["type"] == "union_tag_invalid" and is_object(value):
        value = value.get(_discriminator(detail))
    expected = str(context.get("expected_tags") or context.get("expected")).replace(" or ", ",")
    return bad_value(value, [choice.strip(" '") for choice in expected.split(",")])


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if is_array(value) else "an object"
