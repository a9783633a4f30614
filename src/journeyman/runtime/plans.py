"""The port of what reads and computes plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

JsonObject = dict[str, Any]


class Phase(NamedTuple):
    """That a plan declares."""

    name: str
    description: str | None


class Moment(NamedTuple):
    """A phase was entered or left; `key` is its place in the plan and iteration."""

    enters: bool
    key: str
    name: str


class Wanted(NamedTuple):
    """A call of an agent that has no outcome yet."""

    key: str
    agent: str | JsonObject
    """A name, or a definition."""
    task: str


@dataclass(frozen=True, slots=True)
class Computed:
    """How far a plan comes with the outcomes there are. Neither done nor failed: it waits for what it wants."""

    moments: Sequence[Moment] = ()
    wanted: Sequence[Wanted] = ()
    is_done: bool = False
    returned: str = ""
    """What it returned, as text."""
    failure: tuple[str, str] | None = None
    """The wire's type of error, and what it was, for the model."""


class Plans(Protocol):
    """Reads and computes plans, never in this process. The same outcomes give the same answer."""

    @property
    def language(self) -> str:
        """For the model: how to write one."""
        ...

    async def check(self, plan: str) -> Sequence[Phase] | str:
        """What it declares, or what is wrong with it."""
        ...

    async def compute(self, plan: str, outcomes: Mapping[str, JsonObject]) -> Computed: ...
