"""What the checks call."""

import itertools
from collections.abc import Awaitable

from journeyman.sandboxes.port import (
    Run,
    Sandboxes,
    ShellResult,
)

BOX = "conformance"
"""The sandbox the checks use."""
LIMIT = 100_000
_runs = itertools.count(1)


def fresh_run(fence: int = 0) -> Run:
    return Run(f"run-{next(_runs)}", fence)


async def sh(boxes: Sandboxes, script: str, *, timeout: float = 30, limit: int = LIMIT) -> ShellResult:
    """A new run in the main shell."""
    return await boxes.shell(BOX, script, run=fresh_run(), timeout=timeout, output_limit=limit)


async def refused(call: Awaitable[object], kind: type[Exception]) -> str:
    """The message of the error that the call must raise."""
    try:
        await call
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was not raised")
