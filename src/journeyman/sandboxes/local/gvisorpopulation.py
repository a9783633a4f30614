"""The processes of a sandbox of gVisor, and its files as the host sees them."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from journeyman.egress.identity import identify
from journeyman.sandboxes.local.bundle import IO
from journeyman.sandboxes.local.processes import Victims, ticks_now
from journeyman.sandboxes.port import SandboxUnavailable

_PATIENCE = 5.0
"""Seconds until the whole sandbox is ended instead."""


class GvisorPopulation:
    """Processes that only gVisor's kernel sees: a script beside them finds and ends them."""

    def __init__(self, ask: Callable[[list[str], float], str], init: int, gofer: int) -> None:
        self._ask = ask
        self._init = init
        self._process = identify(init)
        self.pulse = (0.05, 0.5)
        self.seen = False
        self._gofer = gofer

    def open_root(self) -> int:
        root = os.open(f"/proc/{self._gofer}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        users, expected = (Path("/proc", str(pid), "uid_map").read_bytes() for pid in (self._gofer, self._init))
        if users != expected:  # it has ended, and its pid is another's
            os.close(root)
            raise ProcessLookupError(self._gofer)
        return root

    def shell(self, name: str) -> int | None:  # noqa: ARG002
        return None

    def kill_run(self, run: Victims) -> None:
        # Two clocks: what is inside is dated from the sandbox's start.
        began = time.time() - (ticks_now() - run.since) / os.sysconf("SC_CLK_TCK")
        self._reap("run", run.shell, run.token, str(int(began * 1_000_000)))

    def kill_shell(self, name: str) -> None:
        self._reap("shell", name)

    def kill_execution(self, token: str) -> bool:
        return self._reap("exec", "-", token).strip() != "0"

    def kill_jobs(self) -> None:
        self._reap("jobs")

    def left_behind(self) -> set[str]:
        try:
            return set(self._found("left").split())
        except SandboxUnavailable:
            return set()

    def _reap(self, *words: str) -> str:
        try:
            return self._found(*words)
        except SandboxUnavailable:
            # It was kept from it, from inside or for want of room: only a new start helps.
            self._kill_all()
            return ""

    def _found(self, *words: str) -> str:
        return self._ask(["/bin/bash", "--norc", "--noprofile", f"{IO}/reap", *words], _PATIENCE)

    def _kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self._init)
            try:
                if identify(self._init) == self._process:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)
