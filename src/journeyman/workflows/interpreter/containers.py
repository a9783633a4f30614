# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""The methods of lists, dicts and sets."""

from collections.abc import Callable
from typing import Any

from journeyman.workflows.interpreter.calling import Machine, collected
from journeyman.workflows.interpreter.ordering import sort
from journeyman.workflows.interpreter.values import Dict, Evaluation, List, OrderedSet, Value

_MISSING: Any = object()


def _append(m: Machine, of: List, value: Value, /) -> None:
    m.heap.may_change(of)
    of.append(value)
    if len(of) > m.heap.limits.items:
        m.heap.items(len(of))


def _clear(m: Machine, of: List | Dict | OrderedSet, /) -> None:
    m.heap.may_change(of)
    (of.members if isinstance(of, OrderedSet) else of).clear()


def _copy(m: Machine, of: List | Dict, /) -> Value:
    return m.heap.made(of.copy())


def _count(m: Machine, of: List, value: Value, /) -> int:
    m.heap.weigh(of)
    return of.count(value)


def extend(m: Machine, of: List, more: Value, /) -> Evaluation:
    m.heap.may_change(of)
    items = yield from collected(m.heap, more)
    m.heap.items(len(of) + len(items))
    of.extend(items)


def _index(m: Machine, of: List, value: Value, /, *bounds: int) -> int:
    m.heap.weigh(of)
    return of.index(value, *bounds)


def _insert(m: Machine, of: List, place: int, value: Value, /) -> None:
    m.heap.may_change(of)
    m.heap.items(len(of) + 1)
    of.insert(place, value)


def _pop(m: Machine, of: List, place: int = -1, /) -> Value:
    m.heap.may_change(of)
    m.heap.items(len(of))
    return of.pop(place)


def _remove(m: Machine, of: List, value: Value, /) -> None:
    m.heap.may_change(of)
    m.heap.weigh(of)
    of.remove(value)


def _reverse(m: Machine, of: List, /) -> None:
    m.heap.may_change(of)
    m.heap.items(len(of))
    of.reverse()


LIST: dict[str, Callable[..., Value]] = {
    "append": _append, "clear": _clear, "copy": _copy, "count": _count, "extend": extend, "index": _index,
    "insert": _insert, "pop": _pop, "remove": _remove, "reverse": _reverse, "sort": sort,
}  # fmt: skip


def _fromkeys(m: Machine, _: object, keys: Value, value: Value = None, /) -> Evaluation:
    keys = yield from collected(m.heap, keys)
    m.heap.weigh(keys)
    return m.heap.made(dict.fromkeys(keys, value))


def _get(m: Machine, of: Dict, key: Value, default: Value = None, /) -> Value:
    m.heap.weigh(key)
    return of.get(key, default)


def _items(m: Machine, of: Dict, /) -> List:
    return m.heap.list(list(of.items()))


def _keys(m: Machine, of: Dict, /) -> OrderedSet:
    return m.heap.set(of)


def _take(m: Machine, of: Dict, key: Value, default: Value = _MISSING, /) -> Value:
    m.heap.may_change(of)
    m.heap.weigh(key)
    return of.pop(key) if default is _MISSING else of.pop(key, default)


def _popitem(m: Machine, of: Dict, /) -> Value:
    m.heap.may_change(of)
    return of.popitem()


def _setdefault(m: Machine, of: Dict, key: Value, default: Value = None, /) -> Value:
    m.heap.may_change(of)
    m.heap.weigh(key)
    found = of.setdefault(key, default)
    m.heap.items(len(of))
    return found


def merge(m: Machine, of: Dict, more: Value = (), /, **named: Value) -> Evaluation:
    m.heap.may_change(of)
    if isinstance(more, Dict):
        m.heap.items(len(of) + len(more))
        of.update(more)
    else:
        for pair in (yield from collected(m.heap, more)):
            key, value = yield from collected(m.heap, pair)
            m.heap.weigh(key)
            of[key] = value
    of.update(named)
    m.heap.items(len(of))


def _values(m: Machine, of: Dict, /) -> List:
    return m.heap.list(list(of.values()))


DICT: dict[str, Callable[..., Value]] = {
    "clear": _clear, "copy": _copy, "fromkeys": _fromkeys, "get": _get,
    "items": _items, "keys": _keys, "pop": _take, "popitem": _popitem, "setdefault": _setdefault, "update": merge,
    "values": _values,
}  # fmt: skip


def _add(m: Machine, of: OrderedSet, value: Value, /) -> None:
    m.heap.may_change(of)
    m.heap.weigh(value)
    of.members[value] = None
    m.heap.items(len(of))


def _discard(m: Machine, of: OrderedSet, value: Value, /) -> None:
    m.heap.may_change(of)
    m.heap.weigh(value)
    of.members.pop(value, None)


def _without(m: Machine, of: OrderedSet, value: Value, /) -> None:
    m.heap.may_change(of)
    m.heap.weigh(value)
    del of.members[value]


def _set_copy(m: Machine, of: OrderedSet, /) -> OrderedSet:
    return m.heap.set(of)


def _with(name: str, combine: Callable[[OrderedSet, OrderedSet], Value], *, many: bool = True) -> Callable[..., Value]:
    def run(m: Machine, of: OrderedSet, /, *others: Value) -> Evaluation:
        if not many and len(others) != 1:
            raise TypeError(f"{name}() takes exactly one argument")
        result: Value = of
        for other in others:
            items = yield from collected(m.heap, other)
            m.heap.weigh(items)
            result = combine(result, OrderedSet(items))
        return m.heap.made(result) if others else m.heap.set(of)

    return run


def _update(m: Machine, of: OrderedSet, /, *others: Value) -> Evaluation:
    m.heap.may_change(of)
    for other in others:
        items = yield from collected(m.heap, other)
        m.heap.weigh(items)
        of.members.update(dict.fromkeys(items))
        m.heap.items(len(of))


SET: dict[str, Callable[..., Value]] = {
    "add": _add, "clear": _clear, "copy": _set_copy, "discard": _discard, "remove": _without, "update": _update,
    "difference": _with("difference", lambda a, b: a - b),
    "intersection": _with("intersection", lambda a, b: a & b),
    "union": _with("union", lambda a, b: a | b),
    "symmetric_difference": _with("symmetric_difference", lambda a, b: a ^ b, many=False),
    "isdisjoint": _with("isdisjoint", lambda a, b: not a & b, many=False),
    "issubset": _with("issubset", lambda a, b: a <= b, many=False),
    "issuperset": _with("issuperset", lambda a, b: b <= a, many=False),
}  # fmt: skip
