"""Which scope a name belongs to, by Python's rules."""

from collections.abc import Mapping

from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import Scope, Value

_UNBOUND = "where it is not associated with a value"


def load(scope: Scope, name: str, builtins: Mapping[str, Value]) -> Value:
    at: Scope | None = scope
    while at is not None:
        if name in at.variables:
            return at.variables[name]
        if name in at.names.outermost:
            at = _plan(at)
            continue
        if name in at.names.own and at.outside is not None:
            if at is scope:
                raise UnboundLocalError(
                    f"cannot access local variable '{name}' where it is not associated with a value"
                )
            raise NameError(f"cannot access free variable '{name}' where it is not associated with a value")
        at = at.outside
    if name in builtins:
        return builtins[name]
    raise NameError(f"name '{name}' is not defined")


def store(heap: Heap, scope: Scope, name: str, value: Value) -> None:
    holder = _holder(scope, name)
    heap.may_change(holder)
    holder.variables[name] = value


def delete(heap: Heap, scope: Scope, name: str) -> None:
    holder = _holder(scope, name)
    heap.may_change(holder)
    if name not in holder.variables:
        raise NameError(f"name '{name}' is not defined")
    del holder.variables[name]


def _holder(scope: Scope, name: str) -> Scope:
    at = scope
    while at.comprehension and name not in at.names.own and at.outside is not None:
        at = at.outside
    if name in at.names.outermost:
        return _plan(at)
    if name in at.names.outer:
        while at.outside is not None:
            at = at.outside
            if name in at.names.own:
                break
    return at


def _plan(scope: Scope) -> Scope:
    while scope.outside is not None:
        scope = scope.outside
    return scope
