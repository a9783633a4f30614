"""A run that several callers may wait for."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from journeyman.sandboxes.local.shellrun import ShellRun
from journeyman.sandboxes.port import SandboxError, ShellResult

_CUT = 5.0
"""Seconds after which a cancelled caller no longer waits for the end of the run."""


class Flight:
    """Cancelling the last waiting caller cancels the run."""

    def __init__(self, shell: str, run: ShellRun | None = None) -> None:
        self.shell = shell
        self.run = run
        self.adopted = run is not None
        """An earlier server began it."""
        self._task: asyncio.Task[ShellResult] | None = None
        self._waiting = 0
        self._abandoned = False

    def start(self, conduct: Coroutine[Any, Any, ShellResult]) -> asyncio.Task[ShellResult]:
        self._task = asyncio.get_running_loop().create_task(conduct)
        self._task.add_done_callback(_retrieve)
        return self._task

    async def wait(self) -> ShellResult:
        """Raises SandboxError when the server lets go of the run."""
        assert self._task is not None
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if self._abandoned:
                if _being_cancelled():
                    raise
                raise SandboxError("The server let go of the sandbox; the command goes on.") from None
            if self._waiting == 1:
                await self._cut(self._task)
            raise
        finally:
            self._waiting -= 1

    async def ended(self) -> None:
        """Wait without having a say in it."""
        if self._task is not None:
            await asyncio.wait({self._task})

    def abandon(self) -> None:
        """End the waiting but not the run."""
        self._abandoned = True
        if self.run is not None:
            self.run.abandon()
        if self._task is not None:
            self._task.cancel()

    async def _cut(self, task: asyncio.Task[ShellResult]) -> None:
        if self.run is None:
            task.cancel()
        else:
            self.run.cut("cancel")
        await asyncio.wait({task}, timeout=_CUT)


def _being_cancelled() -> bool:
    """Whether the caller itself is to end, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _retrieve(task: asyncio.Task[ShellResult]) -> None:
    # The callers may all be gone; without this the loop would log the error as lost.
    if not task.cancelled():
        task.exception()
