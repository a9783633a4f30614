# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""The functions of the language that Python has too."""

from collections.abc import Callable
from typing import Any

from journeyman.workflows.interpreter import formatting, operators
from journeyman.workflows.interpreter.calling import Machine, advance, collected, lazy, source
from journeyman.workflows.interpreter.exceptions import Exhausted
from journeyman.workflows.interpreter.ordering import largest, ordered, smallest
from journeyman.workflows.interpreter.values import (
    END,
    Builtin,
    Dict,
    Evaluation,
    Item,
    Kind,
    Lazy,
    List,
    OrderedSet,
    Value,
)

_MISSING: Any = object()


def functions() -> dict[str, Builtin]:
    plain: dict[str, Callable[..., Value]] = {
        "abs": _abs, "all": _all, "any": _any, "chr": _chr, "divmod": _divmod, "enumerate": _enumerate,
        "filter": _filter, "format": _format, "isinstance": _isinstance, "iter": _iter, "len": _len, "map": _map,
        "max": largest, "min": smallest, "next": _next, "ord": _ord, "pow": _pow, "repr": _repr,
        "reversed": _reversed, "round": _round, "sorted": ordered, "sum": _sum, "zip": _zip,
    }  # fmt: skip
    return {name: Builtin(name, function) for name, function in plain.items()}


def kinds() -> dict[str, Kind]:
    return {
        kind.name: kind
        for kind in (
            Kind("bool", _bool, bool),
            Kind("dict", _dict, Dict),
            Kind("float", _float, float),
            Kind("int", _int, int),
            Kind("list", _list, List),
            Kind("range", _range, range),
            Kind("set", _set, OrderedSet),
            Kind("str", _str, str),
            Kind("tuple", _tuple, tuple),
        )
    }


def _abs(m: Machine, x: Value, /) -> Value:
    return m.heap.made(abs(x))


def _all(m: Machine, iterable: Value, /) -> Evaluation:
    of = source(iterable)
    while (item := (yield from advance(m.heap, of))) is not END:
        if not item:
            return False
    return True


def _any(m: Machine, iterable: Value, /) -> Evaluation:
    of = source(iterable)
    while (item := (yield from advance(m.heap, of))) is not END:
        if item:
            return True
    return False


def _bool(_: Machine, x: Value = False, /) -> bool:
    return bool(x)


def _chr(_: Machine, number: int, /) -> str:
    return chr(number)


def _dict(m: Machine, pairs: Value = (), /, **more: Value) -> Evaluation:
    if isinstance(pairs, Dict):
        return m.heap.made(dict(pairs) | more)
    made: dict[Value, Value] = {}
    for pair in (yield from collected(m.heap, pairs)):
        key, value = yield from collected(m.heap, pair)
        m.heap.weigh(key)
        made[key] = value
    return m.heap.made(made | more)


def _divmod(m: Machine, a: Value, b: Value, /) -> Value:
    return m.heap.made(divmod(a, b))


def _enumerate(m: Machine, iterable: Value, start: int = 0) -> Value:
    of = source(iterable)

    def inside() -> Evaluation:
        number = start
        while (item := (yield from advance(m.heap, of))) is not END:
            yield Item((number, item))
            number += 1

    return lazy(m.heap, inside())


def _filter(m: Machine, function: Value, iterable: Value, /) -> Value:
    of, site = source(iterable), m.site

    def inside() -> Evaluation:
        while (item := (yield from advance(m.heap, of))) is not END:
            if item if function is None else (yield from m.call(function, [item], {}, site)):
                yield Item(item)

    return lazy(m.heap, inside())


def _float(_: Machine, x: Value = 0, /) -> float:
    if not isinstance(x, (int, float, str)):
        raise TypeError(f"float() argument must be a string or a real number, not '{type(x).__name__}'")
    return float(x)


def _format(m: Machine, value: Value, spec: str = "", /) -> str:
    return formatting.formatted(m.heap, value, spec)


def _int(m: Machine, x: Value = 0, /, base: Value = _MISSING) -> int:
    if not isinstance(x, (int, float, str)):
        raise TypeError(f"int() argument must be a string or a real number, not '{type(x).__name__}'")
    return m.heap.made(int(x) if base is _MISSING else int(x, base))  # pyright: ignore[reportCallIssue, reportArgumentType]


def _isinstance(_: Machine, value: Value, kind: Value, /) -> bool:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not all(isinstance(each, Kind) for each in kinds):
        raise TypeError("isinstance() arg 2 must be a type or a tuple of types")
    return any(isinstance(value, each.of) for each in kinds)


def _iter(m: Machine, iterable: Value, /) -> Value:
    of = source(iterable)

    def inside() -> Evaluation:
        while (item := (yield from advance(m.heap, of))) is not END:
            yield Item(item)

    return lazy(m.heap, inside())


def _len(_: Machine, x: Value, /) -> int:
    return len(x)


def _list(m: Machine, iterable: Value = (), /) -> Evaluation:
    return m.heap.list((yield from collected(m.heap, iterable)))


def _map(m: Machine, function: Value, /, *iterables: Value) -> Value:
    of, site = [source(each) for each in iterables], m.site
    if not iterables:
        raise TypeError("map() must have at least two arguments.")

    def inside() -> Evaluation:
        while (items := (yield from _together(m, of))) is not END:
            yield Item((yield from m.call(function, items, {}, site)))

    return lazy(m.heap, inside())


def _next(m: Machine, iterator: Value, default: Value = _MISSING, /) -> Evaluation:
    if not isinstance(iterator, Lazy):
        raise TypeError(f"'{type(iterator).__name__}' object is not an iterator")
    item = yield from advance(m.heap, iterator)
    if item is not END:
        return item
    if default is _MISSING:
        raise Exhausted
    return default


def _ord(_: Machine, character: str, /) -> int:
    return ord(character)


def _pow(m: Machine, base: Value, exp: Value, mod: Value = None) -> Value:
    if mod is None:
        return operators.power(m.heap, base, exp)
    return m.heap.made(pow(base, exp, mod))


def _range(_: Machine, *bounds: int) -> range:
    return range(*bounds)


def _repr(m: Machine, x: Value, /) -> str:
    return formatting.represented(m.heap, x)


def _reversed(m: Machine, sequence: Value, /) -> Value:
    if not isinstance(sequence, (List, Dict, tuple, str, range)):
        raise TypeError(f"'{type(sequence).__name__}' object is not reversible")
    of = reversed(sequence)

    def inside() -> Evaluation:
        while (item := (yield from advance(m.heap, of))) is not END:
            yield Item(item)

    return lazy(m.heap, inside())


def _round(m: Machine, number: Value, ndigits: int | None = None) -> Value:
    if not isinstance(number, (int, float)):
        raise TypeError(f"type {type(number).__name__} doesn't define __round__ method")
    if ndigits is not None and abs(ndigits) > 1000:
        raise ValueError("round() takes at most 1000 digits")
    return m.heap.made(round(number, ndigits))


def _set(m: Machine, iterable: Value = (), /) -> Evaluation:
    items = yield from collected(m.heap, iterable)
    m.heap.weigh(items)
    return m.heap.set(items)


def _str(m: Machine, x: Value = "", /) -> str:
    return formatting.shown(m.heap, x)


def _sum(m: Machine, iterable: Value, /, start: Value = 0) -> Evaluation:
    if isinstance(start, str):
        raise TypeError("sum() can't sum strings [use ''.join(seq) instead]")
    of, total = source(iterable), start
    while (item := (yield from advance(m.heap, of))) is not END:
        total = m.heap.made(total + item)
    return total


def _tuple(m: Machine, iterable: Value = (), /) -> Evaluation:
    return tuple((yield from collected(m.heap, iterable)))


def _zip(m: Machine, *iterables: Value, strict: bool = False) -> Value:
    of = [source(each) for each in iterables]

    def inside() -> Evaluation:
        while (items := (yield from _together(m, of, strict=bool(strict)))) is not END:
            yield Item(tuple(items))

    return lazy(m.heap, inside())


def _together(m: Machine, of: list[Any], *, strict: bool = False) -> Evaluation:
    """The next item of each, or END when one has none."""
    items: list[Value] = []
    for number, each in enumerate(of):
        item = yield from advance(m.heap, each)
        if item is not END:
            items.append(item)
        elif strict and number:
            raise ValueError(f"zip() argument {number + 1} is shorter than argument {number}")
        elif strict:
            for other, longer in enumerate(of[1:], 2):
                if (yield from advance(m.heap, longer)) is not END:
                    raise ValueError(f"zip() argument {other} is longer than argument {other - 1}")
            return END
        else:
            return END
    return items if items else END
