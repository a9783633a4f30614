"""What is worth telling of a process at work. Told after the fact, so that nobody waits for who listens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn that something belongs to; the same in every process, since it follows from the log."""

    session_id: str
    began: int
    """µs since the epoch: when the session went running."""
    agent_id: str
    agent: str
    """The agent's name."""


@dataclass(frozen=True, slots=True)
class Span:
    """When something began and ended (µs since the epoch), and how it went wrong, in a word; None: it went well."""

    began: int
    ended: int
    error: str | None = None

    @property
    def seconds(self) -> float:
        return max(0, self.ended - self.began) / 1e6


@dataclass(frozen=True, slots=True)
class ModelRequest:
    turn: Turn
    span: Span
    model: str
    first: int | None = None
    """µs since the epoch: when the answer's first event came."""
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    """input, output, cache_read, cache_write."""
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ToolRun:
    turn: Turn
    span: Span
    name: str
    call_id: str


class Observer(Protocol):
    """Each call returns at once and raises nothing."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request was answered; of a stream, when it ended."""
        ...

    def model_request(self, told: ModelRequest) -> None: ...
    def tool_run(self, told: ToolRun) -> None: ...
    def turn(self, turn: Turn, span: Span, stop_reason: str, causes: Sequence[str]) -> None:
        """A turn ended. `causes`: traceparents of the requests whose messages it took up."""
        ...

    def commit(self, events: int, seconds: float) -> None:
        """Events of one session were committed."""
        ...

    def incident(self, kind: str) -> None:
        """Of a sandbox."""
        ...


class Nobody:
    """Listens to nothing."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...
    def model_request(self, told: ModelRequest) -> None: ...
    def tool_run(self, told: ToolRun) -> None: ...
    def turn(self, turn: Turn, span: Span, stop_reason: str, causes: Sequence[str]) -> None: ...
    def commit(self, events: int, seconds: float) -> None: ...
    def incident(self, kind: str) -> None: ...


class All:
    """Tells several."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        for each in self._observers:
            each.request(method, route, status, seconds)

    def model_request(self, told: ModelRequest) -> None:
        for each in self._observers:
            each.model_request(told)

    def tool_run(self, told: ToolRun) -> None:
        for each in self._observers:
            each.tool_run(told)

    def turn(self, turn: Turn, span: Span, stop_reason: str, causes: Sequence[str]) -> None:
        for each in self._observers:
            each.turn(turn, span, stop_reason, causes)

    def commit(self, events: int, seconds: float) -> None:
        for each in self._observers:
            each.commit(events, seconds)

    def incident(self, kind: str) -> None:
        for each in self._observers:
            each.incident(kind)
