"""sorted, min, max and list.sort, whose keys are computed by functions of the plan."""

from collections.abc import Callable
from typing import Any

from journeyman.workflows.interpreter.calling import Machine, collected
from journeyman.workflows.interpreter.values import Evaluation, List, Value

_MISSING: Any = object()


def ordered(m: Machine, iterable: Value, /, *, key: Value = None, reverse: Value = False) -> Evaluation:
    site = m.site
    items = yield from collected(m.heap, iterable)
    return m.heap.list((yield from _ordered(m, items, key, site, reverse=bool(reverse))))


def sort(m: Machine, of: List, /, *, key: Value = None, reverse: Value = False) -> Evaluation:
    m.heap.may_change(of)
    items = yield from _ordered(m, list(of), key, m.site, reverse=bool(reverse))
    of[:] = items


def smallest(m: Machine, *args: Value, key: Value = None, default: Value = _MISSING) -> Evaluation:
    return _best(m, "min", lambda one, best: one < best, args, key, default)


def largest(m: Machine, *args: Value, key: Value = None, default: Value = _MISSING) -> Evaluation:
    return _best(m, "max", lambda one, best: one > best, args, key, default)


def _ordered(m: Machine, items: list[Value], key: Value, site: int, *, reverse: bool) -> Evaluation:
    keys = yield from _keys(m, items, key, site)
    for _ in range(len(items).bit_length()):  # about as often as sorting looks at each
        m.heap.weigh(keys)
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
    return [items[place] for place in places]


def _keys(m: Machine, items: list[Value], key: Value, site: int) -> Evaluation:
    if key is None:
        return items
    keys: list[Value] = []
    for item in items:
        keys.append((yield from m.call(key, [item], {}, site)))
    return keys


def _best(
    m: Machine,
    name: str,
    better: Callable[[Value, Value], bool],
    args: tuple[Value, ...],
    key: Value,
    default: Value,
) -> Evaluation:
    site = m.site
    if not args:
        raise TypeError(f"{name} expected at least 1 argument, got 0")
    items = (yield from collected(m.heap, args[0])) if len(args) == 1 else list(args)
    if not items:
        if default is _MISSING:
            raise ValueError(f"{name}() arg is an empty sequence")
        return default
    keys = yield from _keys(m, items, key, site)
    m.heap.weigh(keys)
    best = 0
    for place in range(1, len(items)):
        if better(keys[place], keys[best]):
            best = place
    return items[best]
