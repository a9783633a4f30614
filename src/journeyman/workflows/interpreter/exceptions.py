"""Exceptions that a plan can raise and catch: Python's own, and one of an agent's."""

from collections.abc import Callable
from typing import Any

from journeyman.workflows.interpreter.values import Kind


class AgentError(Exception):
    """An agent's call failed."""


Exhausted = type("StopIteration", (Exception,), {})
"""Python's own cannot leave a generator, and generators are what the interpreter is made of."""

_PLAIN: tuple[type[Exception], ...] = (
    ArithmeticError, AssertionError, AttributeError, Exception, IndexError, KeyError, LookupError, NameError,
    NotImplementedError, OverflowError, RuntimeError, TypeError, ValueError, ZeroDivisionError, AgentError, Exhausted,
)  # fmt: skip


def kinds() -> dict[str, Kind]:
    return {kind.__name__: Kind(kind.__name__, _maker(kind), kind) for kind in _PLAIN}


def _maker(kind: type[Exception]) -> Callable[..., Exception]:
    def make(_: object, *args: Any) -> Exception:
        return kind(*args)

    return make
