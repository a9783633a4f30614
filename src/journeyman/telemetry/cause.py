"""The trace that the request under way belongs to, as its client says (`traceparent`)."""

from contextvars import ContextVar

_CAUSE: ContextVar[str | None] = ContextVar("journeyman_cause", default=None)
_LONGEST = 64


def set_cause(traceparent: str | None) -> None:
    """For this task, and those it starts."""
    _CAUSE.set(traceparent if traceparent and len(traceparent) <= _LONGEST else None)


def cause() -> str | None:
    return _CAUSE.get()
