"""Installing the packages of an environment: step by step, said in the log, and clear when one fails."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable

from journeyman.sandboxes.local.package_names import bare
from journeyman.sandboxes.local.packages import Step, lacking, presence_script, supply
from journeyman.sandboxes.port import EnvironmentFailed

Shell = Callable[[str], Awaitable[tuple[int | None, bytes]]]
"""Runs a script in a bash of its own: its exit code (None when it was cut) and what it printed, the end at least."""

_log = logging.getLogger("journeyman.environments")
_LAST = 15
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class BuildLog:
    """The installation of one environment."""

    def __init__(self, key: str, base: str, shell: Shell, *, every: float = 5.0) -> None:
        """`every`: seconds between two lines about a step that goes on."""
        self._key = key
        self._base = base
        self._shell = shell
        self._every = every

    async def install(self, wanted: list[Step]) -> None:
        """Raises EnvironmentFailed."""
        _, printed = await self._shell(presence_script(wanted))
        missing = [step.manager for step in wanted if step.manager in printed.decode(errors="replace").split()]
        if missing and (self._base == "host" or "apt" in missing or "apt-get" not in printed.decode().split()):
            raise lacking(missing, self._base)
        for step in [*([supply(missing)] if missing else []), *wanted]:
            await self._install(step)

    async def _install(self, step: Step) -> None:
        began = time.monotonic()
        self._say(logging.INFO, f"{step.manager} installs {', '.join(step.packages)}", step, began)
        work = asyncio.ensure_future(self._shell(step.script))
        try:
            while not (await asyncio.wait([work], timeout=self._every))[0]:
                self._say(logging.INFO, f"{step.manager} is still installing", step, began)
        finally:
            work.cancel()
        code, output = await work
        if code != 0:
            self._say(logging.WARNING, f"{step.manager} failed", step, began)
            raise EnvironmentFailed(_failure(step, code, output))
        self._say(logging.INFO, f"{step.manager} is done", step, began)

    def _say(self, level: int, what: str, step: Step, began: float) -> None:
        seconds = round(time.monotonic() - began, 1)
        fields = {"environment": self._key, "manager": step.manager, "seconds": seconds}
        _log.log(level, "Environment %s: %s (%.1f s)", self._key[:12], what, seconds, extra=fields)


def _failure(step: Step, code: int | None, output: bytes) -> str:
    lines = [line for line in _plain(output).splitlines() if line.strip()][-_LAST:]
    how = "was cut before it was done" if code is None else f"ended with exit code {code}"
    return "\n".join([f"{step.manager} could not install {', '.join(_culprits(step, lines))}: it {how}.", *lines])


def _culprits(step: Step, lines: list[str]) -> tuple[str, ...]:
    """The packages that the last lines speak of; all of them when that is none."""
    text = "\n".join(lines).lower()
    named = tuple(name for name in step.packages if _mentions(text, bare(step.manager, name).lower()))
    return named or step.packages


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _plain(output: bytes) -> str:
    """Without colours, and of lines written over only what stayed."""
    text = _COLOURS.sub("", output.decode(errors="replace"))
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
