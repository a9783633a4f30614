# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""Values are measured and counted here before they may exist, and given their owners."""

from typing import Any

from journeyman.workflows.interpreter.fault import Fault, too_much
from journeyman.workflows.interpreter.values import Dict, Lazy, List, OrderedSet, Owner, Scope, Value
from journeyman.workflows.limits import Limits

_SMALL = frozenset((bool, float, type(None)))


class Heap:
    """Of one run. Its steps are the run's clock."""

    def __init__(self, limits: Limits, owner: Owner) -> None:
        self.limits = limits
        self.left = limits.steps
        self.owner = owner
        """The branch that runs."""
        self._calls = 0
        self._logs = 0

    def tick(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise too_much(f"takes more than {self.limits.steps} steps")

    def made(self, value: Value) -> Value:
        """A value that an operation gave: measured, and this branch's when it can be changed.

        A plain list or dict is always new, since a plan's own are none.
        """
        kind = type(value)
        if kind in _SMALL:
            return value
        if kind is str:
            self.text(len(value))
            self.left -= len(value) >> 6
        elif kind is int:
            self.bits(value.bit_length())
        elif kind is list:
            return self.list(value)
        elif kind is dict:
            return self.dict(value)
        elif kind is tuple:
            self.items(len(value))
        elif kind is OrderedSet:
            self.items(len(value))
            value.owner = self.owner
        elif kind is complex:
            raise ValueError("the result is not a real number")
        return value

    def list(self, values: list[Any]) -> List:
        self.items(len(values))
        made = List(values)
        made.owner = self.owner
        return made

    def dict(self, values: dict[Any, Any]) -> Dict:
        self.items(len(values))
        made = Dict(values)
        made.owner = self.owner
        return made

    def set(self, values: Any = ()) -> OrderedSet:
        made = OrderedSet(values)
        self.items(len(made))
        made.owner = self.owner
        return made

    def adopt(self, data: Any) -> Value:
        """Data from outside, all of it new: what JSON gives. It has been weighed."""
        if type(data) is list:
            return self.list([self.adopt(part) for part in data])
        if type(data) is dict:
            return self.dict({key: self.adopt(part) for key, part in data.items()})
        return self.made(data)

    def text(self, characters: int) -> None:
        if characters > self.limits.text:
            raise too_much(f"makes a string of more than {self.limits.text} characters")

    def bits(self, bits: int) -> None:
        if bits > self.limits.bits:
            raise too_much(f"makes an integer of more than {self.limits.bits} bits")

    def items(self, items: int) -> None:
        if items > self.limits.items:
            raise too_much(f"makes a collection of more than {self.limits.items} items")
        self.left -= items >> 4

    def count_call(self) -> None:
        """Of an agent."""
        self._calls += 1
        if self._calls > self.limits.calls:
            raise Fault("thread_limit", f"The run calls agents more than {self.limits.calls} times.")

    def count_log(self) -> bool:
        """Whether one more line may be said."""
        self._logs += 1
        return self._logs <= self.limits.logs

    def may_change(self, value: List | Dict | OrderedSet | Lazy | Scope) -> None:
        """Raises RuntimeError in a parallel branch that would change what others see."""
        owner = value.owner
        if owner is self.owner:
            return
        while owner.joined:
            assert owner.parent is not None
            owner = owner.parent
        value.owner = owner
        if owner is not self.owner:
            raise RuntimeError(
                "what was made outside parallel() cannot be changed inside it: let the function return a value, "
                "and use the list that parallel() returns"
            )

    def weigh(self, *values: Value) -> None:
        """Count what an operation walks through that cannot be stopped: printing, comparing, hashing."""
        for value in values:
            if type(value) is str:
                self.tick(len(value) >> 6)
            elif type(value) not in _SMALL and type(value) is not int:
                self._weigh_parts(value)

    def _weigh_parts(self, value: Value) -> None:
        level: list[Value] = [value]
        for _ in range(self.limits.nesting):
            below: list[Value] = []
            for part in level:
                kind = type(part)
                if kind is List or kind is tuple or kind is list or kind is OrderedSet:
                    self.tick(len(part))
                    below += part
                elif kind is Dict or kind is dict:
                    self.tick(2 * len(part))
                    below += part
                    below += part.values()
                elif kind is str:
                    self.left -= len(part) >> 6
                elif isinstance(part, BaseException):
                    self.tick()
                    below += part.args
            if not below:
                return
            level = below
        raise too_much(f"nests lists or dicts more than {self.limits.nesting} deep")
