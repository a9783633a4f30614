"""What a plan works with: numbers, strings, tuples and ranges are Python's own, the rest is here.

Whatever can be changed has an owner, the branch of the run that made it, so that branches which run at the same time
cannot see each other's changes: in what order their agents answer must not matter.
"""

import ast
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Protocol

from journeyman.workflows.bindings import Names

Value = Any
"""Of a plan."""
Evaluation = Generator[Any, Any, Value]
"""It yields requests to the scheduler, and Items where it is the inside of a Lazy."""


class Owner(Protocol):
    """A branch. When it is joined, what it made belongs to the branch that waited for it."""

    joined: bool
    parent: "Owner | None"


class List(list[Value]):
    __slots__ = ("owner",)
    owner: Owner


class Dict(dict[Value, Value]):
    __slots__ = ("owner",)
    owner: Owner


class OrderedSet:
    """A set that remembers in which order its members came, so that every machine goes through it alike."""

    __slots__ = ("members", "owner")
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __init__(self, members: Iterable[Value] = ()) -> None:
        self.members: dict[Value, None] = dict.fromkeys(members)
        self.owner: Owner

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Value]:
        return iter(self.members)

    def __contains__(self, value: Value) -> bool:
        return value in self.members

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OrderedSet) and self.members.keys() == other.members.keys()

    def __le__(self, other: object) -> bool:
        return self.members.keys() <= other.members.keys() if isinstance(other, OrderedSet) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.members.keys() < other.members.keys() if isinstance(other, OrderedSet) else NotImplemented

    def __or__(self, other: object) -> "OrderedSet":
        return OrderedSet([*self, *other]) if isinstance(other, OrderedSet) else NotImplemented

    def __and__(self, other: object) -> "OrderedSet":
        return OrderedSet(m for m in self if m in other) if isinstance(other, OrderedSet) else NotImplemented

    def __sub__(self, other: object) -> "OrderedSet":
        return OrderedSet(m for m in self if m not in other) if isinstance(other, OrderedSet) else NotImplemented

    def __xor__(self, other: object) -> "OrderedSet":
        return (self - other) | (other - self) if isinstance(other, OrderedSet) else NotImplemented

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self)) + "}" if self.members else "set()"


class Item:
    """What the inside of a Lazy gives, among the requests that it passes on."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


class Lazy:
    """A generator expression, or what map, filter, zip, enumerate, reversed and iter give: gone through once."""

    __slots__ = ("done", "inside", "owner", "running")

    def __init__(self, inside: Evaluation) -> None:
        self.inside = inside
        self.done = False
        self.running = False
        self.owner: Owner

    def __repr__(self) -> str:
        return "<iterator>"


class Scope:
    """The variables of one call of a function, of a comprehension, or of the plan."""

    __slots__ = ("comprehension", "names", "outside", "owner", "variables")

    def __init__(self, names: Names, outside: "Scope | None", owner: Owner, *, comprehension: bool = False) -> None:
        self.names = names
        self.outside = outside
        self.owner = owner
        self.comprehension = comprehension
        self.variables: dict[str, Value] = {}


class Function:
    """One that the plan defines."""

    __slots__ = ("arguments", "body", "defaults", "keyword_defaults", "name", "names", "scope")

    def __init__(
        self,
        node: ast.FunctionDef | ast.Lambda,
        names: Names,
        scope: Scope,
        defaults: list[Value],
        keyword_defaults: dict[str, Value],
    ) -> None:
        self.name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
        self.arguments = node.args
        self.body = node.body
        self.names = names
        self.scope = scope
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults

    def __repr__(self) -> str:
        return f"<function {self.name}>"


class Builtin:
    """A function of the language. It is given the machine first; it may be a generator."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: Callable[..., Value]) -> None:
        self.name = name
        self.run = run

    def __repr__(self) -> str:
        return f"<built-in function {self.name}>"


class Kind(Builtin):
    """A type: it makes values, isinstance asks for it, and its methods can be had from it."""

    __slots__ = ("of",)

    def __init__(self, name: str, run: Callable[..., Value], of: type | tuple[type, ...]) -> None:
        super().__init__(name, run)
        self.of = of

    def __repr__(self) -> str:
        return f"<class '{self.name}'>"


class Module:
    """Something with functions in it: `json`."""

    __slots__ = ("functions", "name")

    def __init__(self, name: str, functions: dict[str, Builtin]) -> None:
        self.name = name
        self.functions = functions

    def __repr__(self) -> str:
        return f"<module '{self.name}'>"


class Method:
    """A method and the value that it is of."""

    __slots__ = ("builtin", "of")

    def __init__(self, builtin: Builtin, of: Value) -> None:
        self.builtin = builtin
        self.of = of

    def __repr__(self) -> str:
        return f"<method {self.builtin.name}>"


END = object()
"""Of what is gone through; no plan gets hold of it."""


for _kind, _name in ((List, "list"), (Dict, "dict"), (OrderedSet, "set"), (Lazy, "generator"), (Function, "function")):
    _kind.__name__ = _name  # as Python's own messages name them
