"""The keyboard: lines read without blocking anything else, and Ctrl-C."""

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable


class Interrupted(Exception):
    """Ctrl-C while a line was awaited."""


class Terminal:
    """Standard input. Lines are edited by the terminal itself, so that nothing has to be restored afterwards."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._awaited: asyncio.Future[str | None] | None = None

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def forget_typed(self) -> None:
        """Drop what was typed ahead, so that it is not taken for an answer to a question not yet asked."""
        termios.tcflush(self._descriptor, termios.TCIFLUSH)

    async def line(self, prompt: str) -> str | None:
        """One line, None at the end of input. Raises Interrupted."""
        print(prompt, end="", flush=True)
        loop = asyncio.get_running_loop()
        awaited = self._awaited = loop.create_future()
        loop.add_reader(self._descriptor, self._take, awaited)
        try:
            line = await awaited
            if line is None:
                print()
            return line
        except Interrupted:
            print()
            raise
        finally:
            loop.remove_reader(self._descriptor)
            self._awaited = None

    def interrupt(self) -> bool:
        """Whether a line was awaited; whoever awaits it is told."""
        if self._awaited is None or self._awaited.done():
            return False
        self._awaited.set_exception(Interrupted())
        return True

    def _take(self, awaited: asyncio.Future[str | None]) -> None:
        data = os.read(self._descriptor, 65_536)
        if not awaited.done():
            awaited.set_result(data.decode(errors="replace").rstrip("\r\n") if data else None)


def on_interrupt(pressed: Callable[[], None]) -> None:
    """Call this on each Ctrl-C, instead of ending the program."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, pressed)
