"""Processes of `journeyman` that begin as a fork of one which has imported it: importing is most of what a start takes.

All else is as the command does it: arguments, environment, signals and death are each process's own. The tests of the
command line run the command itself.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TextIO

from journeyman.cli import main

_IMPORTED = [
    "alembic.command",
    "alembic.context",
    "genai_prices",
    "journeyman.app.processes",
    "journeyman.cli.commands",
    "journeyman.cli.serve",
    "journeyman.cli.worker",
    "journeyman.engine.dispatch",
    "journeyman.models.script_lines",
    "journeyman.models.scripted",
    "journeyman.sandboxes.local",
    "journeyman.store.notices",
    "journeyman.store.postgres",
]


class Forked:
    """With what tests use of `subprocess.Popen`."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Run `journeyman WORDS`, with its stderr appended to a file."""
        reading, writing = _server().Pipe(duplex=False)
        self._words = words
        self._process = _server().Process(
            target=_run, args=(list(words), dict(environment), writing, str(log)), daemon=True
        )
        self._process.start()
        writing.close()
        self.stdout: TextIO = os.fdopen(os.dup(reading.fileno()))
        reading.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise TimeoutExpired(list(self._words), timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it still printed, once it has ended."""
        self.wait(timeout)
        with self.stdout:
            return self.stdout.read(), None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def _run(words: list[str], environment: dict[str, str], stdout: Connection, log: str) -> None:
    with stdout, Path(log).open("a") as stderr:
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["journeyman", *words]
    main()
