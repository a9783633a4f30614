# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""The methods that values have; there are no others."""

from collections.abc import Callable

from journeyman.workflows.interpreter.calling import Machine
from journeyman.workflows.interpreter.containers import DICT, LIST, SET
from journeyman.workflows.interpreter.texts import TEXT
from journeyman.workflows.interpreter.values import Builtin, Dict, Kind, List, Method, Module, OrderedSet, Value

_METHODS: dict[type, dict[str, Callable[..., Value]]] = {str: TEXT, List: LIST, Dict: DICT, OrderedSet: SET}


def attribute(value: Value, name: str) -> Value:
    """value.name"""
    if name in (table := _METHODS.get(type(value), {})):
        return Method(Builtin(name, table[name]), value)
    if isinstance(value, Module) and name in value.functions:
        return value.functions[name]
    if isinstance(value, Kind):
        return _of_kind(value, name)
    if isinstance(value, Exception) and name == "args":
        return value.args
    hint = f'; for a key write x["{name}"]' if isinstance(value, Dict) else ""
    raise AttributeError(f"'{type(value).__name__}' object has no attribute '{name}'{hint}")


def _of_kind(kind: Kind, name: str) -> Value:
    """str.lower, for one: a function whose first argument is the value."""
    of = kind.of
    table = _METHODS.get(of, {}) if isinstance(of, type) else {}
    if name not in table:
        raise AttributeError(f"type object '{kind.name}' has no attribute '{name}'")
    run = table[name]
    if name == "fromkeys":
        return Method(Builtin(name, run), None)

    def unbound(m: Machine, value: Value, /, *args: Value, **kwargs: Value) -> Value:
        if not isinstance(value, kind.of):
            raise TypeError(f"descriptor '{name}' for '{kind.name}' objects doesn't apply to this value")
        return run(m, value, *args, **kwargs)

    return Builtin(name, unbound)
