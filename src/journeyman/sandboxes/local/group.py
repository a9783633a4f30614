"""One sandbox's control groups."""

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_FREEZING = 0.5
"""Seconds; what waits for a disk freezes late, and is then killed unfrozen."""
_LOOK = 0.002


class Counters(NamedTuple):
    """How often a sandbox has come to a limit so far."""

    killed: int = 0
    """programs, for want of memory"""
    refused: int = 0
    """new processes and threads"""


@dataclass(frozen=True, slots=True)
class Group:
    """A directory for each controller; on version 2 it is always the same."""

    version: int
    places: dict[str, Path]

    def counters(self) -> Counters:
        """Zero where there is no such controller, and when the group is gone."""
        memory = "memory.oom_control" if self.version == 1 else "memory.events"
        return Counters(self._counted("memory", memory, b"oom_kill "), self._counted("pids", "pids.events", b"max "))

    def count_sockets(self, limit: int) -> None:
        """Bound the buffers of sockets, which version 1 otherwise counts for nobody; bytes."""
        if self.version == 1 and "memory" in self.places:
            _put(self.places["memory"] / "memory.kmem.tcp.limit_in_bytes", str(limit))

    @contextlib.contextmanager
    def frozen(self) -> Generator[None]:
        """While nothing in it runs, and so nothing forks. Its processes still die of SIGKILL, at the latest after."""
        place = self.places.get("freezer")
        if place is None:
            yield
            return
        try:
            _put(self._switch(place), "FROZEN" if self.version == 1 else "1")
            self._await_frozen(place)
            yield
        finally:
            self.thaw()

    def thaw(self) -> None:
        """Let it run, also where a server died while it was frozen. Idempotent."""
        place = self.places.get("freezer")
        if place is not None:
            _put(self._switch(place), "THAWED" if self.version == 1 else "0")

    def _switch(self, place: Path) -> Path:
        return place / ("freezer.state" if self.version == 1 else "cgroup.freeze")

    def _await_frozen(self, place: Path) -> None:
        file, word = ("freezer.state", "FROZEN") if self.version == 1 else ("cgroup.events", "frozen 1")
        deadline = time.monotonic() + _FREEZING
        with contextlib.suppress(OSError):
            while word not in (place / file).read_text() and time.monotonic() < deadline:
                time.sleep(_LOOK)

    def _counted(self, controller: str, file: str, name: bytes) -> int:
        if controller not in self.places:
            return 0
        try:
            lines = (self.places[controller] / file).read_bytes().splitlines()
        except OSError:
            return 0
        return next((int(line[len(name) :]) for line in lines if line.startswith(name)), 0)


def _put(file: Path, text: str) -> None:
    with contextlib.suppress(OSError):  # the group is gone
        file.write_text(text)
