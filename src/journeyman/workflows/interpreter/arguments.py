"""What a function's parameters become, by Python's rules."""

from collections.abc import Mapping, Sequence

from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import Function, Value


def bind(heap: Heap, function: Function, args: Sequence[Value], kwargs: Mapping[str, Value]) -> dict[str, Value]:
    """The variables with which a call begins."""
    arguments = function.arguments
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    by_name = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
    found = dict(zip(positional, args, strict=False))
    if arguments.vararg is not None:
        found[arguments.vararg.arg] = tuple(args[len(positional) :])
    elif len(args) > len(positional):
        raise TypeError(
            f"{function.name}() takes {len(positional)} positional argument{'s' * (len(positional) != 1)} "
            f"but {len(args)} {'were' if len(args) > 1 else 'was'} given"
        )
    extra: dict[str, Value] = {}
    for name, value in kwargs.items():
        if name not in by_name:
            extra[name] = value
        elif name in found:
            raise TypeError(f"{function.name}() got multiple values for argument '{name}'")
        else:
            found[name] = value
    if arguments.kwarg is not None:
        found[arguments.kwarg.arg] = heap.dict(extra)
    elif extra:
        raise TypeError(f"{function.name}() got an unexpected keyword argument '{next(iter(extra))}'")
    _defaults(function, positional, found)
    return found


def _defaults(function: Function, positional: list[str], found: dict[str, Value]) -> None:
    defaults = dict(zip(reversed(positional), reversed(function.defaults), strict=False))
    defaults.update(function.keyword_defaults)
    wanted = [*positional, *(argument.arg for argument in function.arguments.kwonlyargs)]
    missing = [name for name in wanted if name not in found and name not in defaults]
    if missing:
        raise TypeError(f"{function.name}() missing required argument: '{missing[0]}'")
    for name in wanted:
        if name not in found:
            found[name] = defaults[name]
