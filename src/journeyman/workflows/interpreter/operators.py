# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""Operators, each of whose results is bounded before it is made."""

import ast
import operator
from collections.abc import Callable

from journeyman.workflows.interpreter.formatting import percent
from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import Dict, List, OrderedSet, Value

_NUMBERS = (int, float)  # and bool
_SIZED = (str, List, tuple)

_PLAIN: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_UNARY: dict[type[ast.unaryop], Callable[[Value], Value]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def binary(heap: Heap, kind: type[ast.operator], left: Value, right: Value) -> Value:
    if kind is ast.Mult:
        return _multiplied(heap, left, right)
    if kind is ast.Pow:
        return power(heap, left, right)
    if kind is ast.Mod:
        return percent(heap, left, right) if isinstance(left, str) else heap.made(left % right)
    if kind is ast.LShift:
        if isinstance(left, int) and isinstance(right, int) and left:
            heap.bits(left.bit_length() + max(right, 0))
        return heap.made(left << right)
    return heap.made(_PLAIN[kind](left, right))


def _multiplied(heap: Heap, left: Value, right: Value) -> Value:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, _SIZED) and isinstance(other, int):
            size = len(one) * max(other, 0)
            if isinstance(one, str):
                heap.text(size)
            else:
                heap.items(size)
    return heap.made(left * right)


def power(heap: Heap, left: Value, right: Value) -> Value:
    """left ** right"""
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 0:
        heap.bits(abs(left).bit_length() * right - right)
    return heap.made(left**right)


def unary(heap: Heap, kind: type[ast.unaryop], value: Value) -> Value:
    if kind is ast.Invert and isinstance(value, bool):
        value = int(value)
    return heap.made(_UNARY[kind](value))


def compare(heap: Heap, kind: type[ast.cmpop], left: Value, right: Value) -> bool:
    if kind is not ast.Is and kind is not ast.IsNot:
        heap.weigh(left)
    return _COMPARISONS[kind](left, right)


def contains(heap: Heap, container: Value, value: Value) -> bool:
    """value in container, for what is not gone through only once."""
    if isinstance(container, (List, tuple)):
        heap.weigh(container)
        return value in container
    if isinstance(container, (Dict, OrderedSet)):
        heap.weigh(value)
        return value in container
    if isinstance(container, str):
        heap.tick(len(container) >> 6)
        return value in container
    if isinstance(container, range):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and int(value) in container
    raise TypeError(f"argument of type '{type(container).__name__}' is not iterable")


def item(heap: Heap, container: Value, key: Value) -> Value:
    """container[key]"""
    if isinstance(container, Dict):
        heap.weigh(key)
        return container[key]
    if isinstance(container, (List, tuple, str, range)):
        found = container[key]
        return heap.made(found) if isinstance(key, slice) else found
    raise TypeError(f"'{type(container).__name__}' object is not subscriptable")


def put(heap: Heap, container: Value, key: Value, value: Value) -> None:
    """container[key] = value"""
    if not isinstance(container, (List, Dict)):
        raise TypeError(f"'{type(container).__name__}' object does not support item assignment")
    heap.may_change(container)
    heap.weigh(key)
    if isinstance(key, slice):
        heap.items(len(value))
    container[key] = value
    heap.items(len(container))


def remove(heap: Heap, container: Value, key: Value) -> None:
    """del container[key]"""
    if not isinstance(container, (List, Dict)):
        raise TypeError(f"'{type(container).__name__}' object doesn't support item deletion")
    heap.may_change(container)
    heap.weigh(key)
    del container[key]
