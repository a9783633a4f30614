"""What every sandbox provider must do: named checks, each in a sandbox of its own. Shipped, for providers elsewhere."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from journeyman.sandboxes.conformance import files, life, runs, shells, snapshots
from journeyman.sandboxes.conformance.calls import BOX, fresh_run, sh
from journeyman.sandboxes.port import Check, Sandboxes

__all__ = ["BOX", "CHECKS", "fresh_run", "run_checks", "sh"]

CHECKS: list[Callable[[Sandboxes], Awaitable[None]]] = [
    check
    for room in (shells, runs, files, life, snapshots)
    for name, check in list(vars(room).items())
    if name.startswith("check_")
]


async def run_checks(factory: Callable[[], AbstractAsyncContextManager[Sandboxes]]) -> list[Check]:
    """Run every check with a provider from `factory`; each failure is a finding."""
    found: list[Check] = []
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        async with factory() as boxes:
            try:
                await check(boxes)
                found.append(Check(name, "ok", ""))
            except Exception as error:
                found.append(Check(name, "fail", f"{type(error).__name__}: {error}"))
            finally:
                await boxes.destroy(BOX)
    return found
