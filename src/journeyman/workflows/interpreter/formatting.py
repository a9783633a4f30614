"""Strings from values: str(), repr(), format(), f-strings, `%` and str.format()."""

import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import Value

_LONG_NUMBER = re.compile(r"[0-9]{4}")
"""No width or precision has more than three digits."""
_LONG_WIDTH = re.compile(r"[%)][-#0 +]*(?:[0-9]*\.)?[0-9]{4,}[hlL]?[diouxXeEfFgGcrsa%.]")
_STARRED = re.compile(r"%[-#0 +]*(?:[0-9]*\.)?\*")
_TOO_LONG = "a width or precision may have three digits"
_PLAIN = (bool, int, float, str, type(None))


def shown(heap: Heap, value: Value) -> str:
    """str(value)"""
    heap.weigh(value)
    return heap.made(str(value))


def represented(heap: Heap, value: Value) -> str:
    heap.weigh(value)
    return heap.made(repr(value))


def formatted(heap: Heap, value: Value, spec: Value = "") -> str:
    """format(value, spec)"""
    if not isinstance(spec, str):
        raise TypeError("format() argument 2 must be str")
    if not spec:
        return shown(heap, value)
    _check(spec)
    if not isinstance(value, _PLAIN):
        raise TypeError(f"unsupported format string passed to {type(value).__name__}.__format__")
    return heap.made(format(value, spec))


def percent(heap: Heap, template: str, values: Value) -> str:
    """template % values"""
    if _LONG_WIDTH.search(template):
        raise ValueError(_TOO_LONG)
    if _STARRED.search(template):
        raise ValueError("a width of * cannot be used")
    heap.weigh(values)
    return heap.made(template % values)


def filled(heap: Heap, template: str, args: Sequence[Value], kwargs: Mapping[str, Value]) -> str:
    """template.format(*args, **kwargs)"""
    return heap.made(_Template(heap).vformat(template, args, kwargs))


def _check(spec: str) -> None:
    if _LONG_NUMBER.search(spec):
        raise ValueError(_TOO_LONG)


class _Template(string.Formatter):
    """Without the way to attributes that str.format has."""

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self._length = 0

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if "." in field_name or "[" in field_name:
            raise ValueError("a field of format() is a name or a number; use an f-string for more")
        key = int(field_name) if field_name.isdecimal() else field_name
        return (args[key] if isinstance(key, int) else kwargs[key]), key

    def format_field(self, value: Any, format_spec: str) -> str:
        made = formatted(self._heap, value, format_spec)
        self._length += len(made)
        self._heap.text(self._length)
        return made

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return converted(self._heap, value, conversion)

    def check_unused_args(self, used_args: set[int | str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Python's own str.format does not mind."""


def converted(heap: Heap, value: Value, conversion: str | None) -> Value:
    """What !s, !r and !a make of it."""
    if conversion is None:
        return value
    if conversion == "s":
        return shown(heap, value)
    if conversion == "r":
        return represented(heap, value)
    if conversion == "a":
        heap.weigh(value)
        return heap.made(ascii(value))
    raise ValueError("unknown conversion")
