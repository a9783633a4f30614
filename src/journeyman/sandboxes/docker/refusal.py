"""The engine's answers that are errors."""

import contextlib
from collections.abc import Generator

from journeyman.sandboxes.port import SandboxUnavailable


class EngineRefused(SandboxUnavailable):
    """It answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"The container engine refused: {message}")
        self.status = status


@contextlib.contextmanager
def unless_missing(*others: int) -> Generator[None]:
    """Nothing happens when the engine knows no such thing."""
    try:
        yield
    except EngineRefused as refusal:
        if refusal.status not in {404, *others}:
            raise
