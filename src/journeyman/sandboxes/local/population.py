"""The processes of one sandbox, as the server finds and ends them."""

import os
from typing import Protocol

from journeyman.sandboxes.local import processes
from journeyman.sandboxes.local.processes import Frozen, Victims


class Population(Protocol):
    """All calls but `shell` may take a while: they belong in a thread."""

    pulse: tuple[float, float]
    """Seconds between two looks for dead shells while a run goes on: at first, and at most."""

    seen: bool
    """Whether the host's kernel is the sandbox's, and so sees its processes and named pipes."""

    def open_root(self) -> int:
        """A descriptor of the sandbox's root directory, as the host sees it. Raises OSError."""
        ...

    def shell(self, name: str) -> int | None:
        """The host's pid of the living shell of this name; None also where the host sees no processes of a sandbox."""
        ...

    def kill_run(self, run: Victims) -> None:
        """Kill a run's shell and what the run started; jobs of earlier runs live on."""
        ...

    def kill_shell(self, name: str) -> None:
        """Kill a shell and everything it ever started."""
        ...

    def kill_execution(self, token: str) -> bool:
        """Kill a one-shot program and its children; whether there was one."""
        ...

    def kill_jobs(self) -> None:
        """Kill all but the shells."""
        ...

    def left_behind(self) -> set[str]:
        """The shells that started something which still runs: jobs, servers."""
        ...


class HostPopulation:
    """Processes of the host, below the sandbox's first one."""

    def __init__(self, init: int, frozen: Frozen) -> None:
        self.pulse = (2.0, 2.0)  # for those that died before they could be followed
        self.seen = True
        self._init = init
        self._frozen = frozen

    def open_root(self) -> int:
        return os.open(f"/proc/{self._init}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def shell(self, name: str) -> int | None:
        return processes.find_shell(self._init, name)

    def kill_run(self, run: Victims) -> None:
        processes.kill_run(self._init, run, self._frozen)

    def kill_shell(self, name: str) -> None:
        processes.kill_shell(self._init, name, self._frozen)

    def kill_execution(self, token: str) -> bool:
        return processes.kill_execution(self._init, token, self._frozen)

    def kill_jobs(self) -> None:
        processes.kill_jobs(self._init)

    def left_behind(self) -> set[str]:
        return processes.left_behind(self._init)
