# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""What functions of the language may ask of the machine that runs them."""

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, GeneratorType
from typing import Any, Protocol

from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import (
    END,
    Builtin,
    Dict,
    Evaluation,
    Function,
    Item,
    Lazy,
    List,
    Method,
    OrderedSet,
    Value,
)

ITERABLE = (List, Dict, tuple, str, OrderedSet, range)
"""What Python itself can go through."""


class Machine(Protocol):
    """The interpreter, as seen from there. What is an Evaluation is gone through by `yield from`."""

    heap: Heap

    @property
    def site(self) -> int:
        """Where in the plan the function is called that runs; to be read before anything else is called."""
        ...

    @property
    def line(self) -> int:
        """Of the plan's text, where it is."""
        ...

    def call(self, function: Value, args: Sequence[Value], kwargs: Mapping[str, Value], site: int) -> Evaluation: ...

    def key(self, site: int) -> str:
        """Of what happens there now: the same each time that the plan is run with the same results."""
        ...

    def say(self, kind: str, /, **fields: Any) -> None:
        """To the server."""
        ...


def source(value: Value) -> Any:
    """What `advance` takes to go through a value."""
    if isinstance(value, Lazy):
        return value
    if isinstance(value, ITERABLE):
        return iter(value)
    raise TypeError(f"'{type(value).__name__}' object is not iterable")


def advance(heap: Heap, of: Any) -> Evaluation:
    """The next item, or END."""
    heap.tick()
    if type(of) is not Lazy:
        return next(of, END)
    heap.may_change(of)
    if of.running:
        raise ValueError("generator already executing")
    if of.done:
        return END
    of.running = True
    try:
        said = of.inside.send(None)
        while type(said) is not Item:
            said = of.inside.send((yield said))
    except StopIteration:
        of.done = True
        return END
    except BaseException:
        of.done = True
        raise
    finally:
        of.running = False
    return said.value


def collected(heap: Heap, value: Value) -> Evaluation:
    """All its items, in a plain list."""
    if isinstance(value, ITERABLE):
        heap.items(len(value))
        heap.tick(len(value))
        return list(value)
    items: list[Value] = []
    of = source(value)
    while (item := (yield from advance(heap, of))) is not END:
        items.append(item)
        heap.items(len(items))
    return items


def lazy(heap: Heap, inside: Evaluation) -> Lazy:
    made = Lazy(inside)
    made.owner = heap.owner
    return made


def callable_(value: Value) -> bool:
    return isinstance(value, (Function, Builtin, Method))


def run(machine: Machine, builtin: Builtin, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Evaluation:
    """Call a function of the language."""
    try:
        result = builtin.run(machine, *args, **kwargs)
    except TypeError as error:
        trace = error.__traceback__
        if trace is not None and trace.tb_next is None and isinstance(builtin.run, FunctionType):
            raise TypeError(f"{builtin.name}() is called by {_signature(builtin.name, builtin.run)}") from None
        raise
    if isinstance(result, GeneratorType):
        result = yield from result
    return result


def _signature(name: str, function: Callable[..., Any]) -> str:
    code = function.__code__  # pyright: ignore[reportFunctionMemberAccess]
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return f"{name}({', '.join(names)})"
