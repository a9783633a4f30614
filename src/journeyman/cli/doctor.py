"""`journeyman doctor`: what works here, and what to do about the rest."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from journeyman.app.backends import make_sandboxes
from journeyman.cli.checks import check_data_dir, check_database, check_models, check_search
from journeyman.config import Settings
from journeyman.sandboxes.port import Check, Sandboxes

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}


def doctor(settings: Settings, *, self_check: bool) -> bool:
    """Whether nothing failed; warnings do not count."""
    console = Console(highlight=False)
    healthy = asyncio.run(_examine(settings, console))
    if self_check and healthy:
        healthy = asyncio.run(_try_sandboxes(settings, console))
    return healthy


def print_checks(console: Console, checks: Iterable[Check]) -> bool:
    """Whether none failed."""
    healthy = True
    for check in checks:
        mark, style = _MARKS[check.status]
        console.print(
            Text.assemble((mark, style), f"  {check.name}: {check.detail}" if check.detail else f"  {check.name}"),
            soft_wrap=True,
        )
        if check.fix and check.status != "ok":
            console.print(Text(f"      → {check.fix}"), soft_wrap=True)
        healthy = healthy and check.status != "fail"
    return healthy


async def sandbox_checks(settings: Settings) -> list[Check]:
    """What the configured provider says of this machine."""
    sandboxes = make_sandboxes(settings)
    try:
        return await sandboxes.doctor()
    finally:
        await sandboxes.close()


async def _try_sandboxes(settings: Settings, console: Console) -> bool:
    """The provider's conformance suite, in a place of its own beside the real sandboxes."""
    from journeyman.sandboxes.conformance import run_checks  # noqa: PLC0415 - long, and rarely wanted

    data_dir = settings.data_dir()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    console.print("Trying sandboxes …")
    with tempfile.TemporaryDirectory(prefix="self-check-", dir=data_dir, ignore_cleanup_errors=True) as place:
        server = settings.server.model_copy(update={"data_dir": Path(place)})
        trial = settings.model_copy(update={"server": server})

        @contextlib.asynccontextmanager
        async def fresh() -> AsyncGenerator[Sandboxes]:
            sandboxes = make_sandboxes(trial)
            try:
                yield sandboxes
            finally:
                await sandboxes.close()

        return print_checks(console, await run_checks(fresh))


async def _examine(settings: Settings, console: Console) -> bool:
    results = [print_checks(console, [check_data_dir(settings)])]
    if results[0]:
        results.append(print_checks(console, [await asyncio.to_thread(check_database, settings)]))
        results.append(print_checks(console, await sandbox_checks(settings)))
    results.append(print_checks(console, await check_models(settings)))
    results.append(print_checks(console, [check_search(settings)]))
    return all(results)
