"""What a plan wants for an answer: a text, or JSON of a shape. The shape is told to the agent, and held as far as its
top: types and required keys."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from journeyman.runtime.plans import Wanted

JsonObject = dict[str, Any]

_LONGEST = 500_000
"""Characters that a plan can take for an answer."""
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```", re.DOTALL)
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def asked(wanted: Wanted) -> str:
    """The task, with the shape of its answer."""
    if wanted.schema is None:
        return wanted.task
    shape = orjson.dumps(wanted.schema).decode()
    return f"{wanted.task}\n\nAnswer with JSON alone, of this JSON schema:\n{shape}"


def read(text: str, schema: JsonObject | None) -> JsonObject:
    """What came of a call: its `value`, or an `error`."""
    if len(text) > _LONGEST:
        return {"error": f"The agent's answer is too long: {len(text):,} characters, of {_LONGEST:,} at most."}
    if schema is None:
        return {"value": text}
    fenced = _FENCED.findall(text)
    try:
        value: Any = orjson.loads(fenced[-1] if fenced else text)
    except orjson.JSONDecodeError as error:
        return {"error": f"The agent did not answer with JSON: {error}"}
    problem = _problem(value, schema)
    return {"value": value} if problem is None else {"error": f"The agent's answer is not of the schema: {problem}."}


def _problem(value: Any, schema: JsonObject) -> str | None:
    wanted = _TYPES.get(str(schema.get("type")))
    if wanted is not None and not isinstance(value, wanted):
        return f"it is not of type {schema['type']}"
    required: list[Any] = schema["required"] if isinstance(schema.get("required"), list) else []
    missing = [str(key) for key in required if isinstance(value, dict) and key not in value]
    return f"{', '.join(missing)} is missing" if missing else None
