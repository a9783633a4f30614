"""Holding softly what no control group and no disk of its own holds: by looking, and ending what is too large.

Also, whatever holds the sandboxes, that the machine's disk does not fill up.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from journeyman.egress.identity import stat_fields
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.incidents import Meter, stopped
from journeyman.sandboxes.local.limits import Limits, size
from journeyman.sandboxes.local.population import Population
from journeyman.sandboxes.local.processes import descendants
from journeyman.sandboxes.local.usage import disk_used
from journeyman.sandboxes.port import Incident

_BUSY, _IDLE = 0.5, 5.0
"""Seconds between looks, while a run goes on and otherwise."""
_SLACK = 64 << 20
"""A disk that is over its limit may grow so much while it is being cleared."""
_SHARE = 10
"""Measuring a disk takes at most one part in so many of the time."""
_STALE = 30.0
_SPARED = 0.98


class Going(Protocol):
    """A run that can be ended."""

    def end_for(self, incident: Incident) -> None: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """A running sandbox: its first process, its directory on the host, what the kernel holds already."""

    init: int
    population: Population
    path: Path
    hard: frozenset[str]


class _Process(NamedTuple):
    pid: int
    memory: int
    threads: int
    is_shell: bool


class Watchdog:
    """Of one running sandbox."""

    def __init__(self, watched: Watched, limits: Limits, meter: Meter) -> None:
        self._watched = watched
        self._limits = limits
        self._meter = meter
        self.going: set[Going] = set()
        self._disk = (_Floor if "disk" in watched.hard else _Disk)(watched, limits)
        self._woken = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def began(self, run: Going) -> None:
        self.going.add(run)
        self._woken.set()

    def ended(self, run: Going) -> None:
        self.going.discard(run)

    def close(self) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            if self._watched.population.seen and not {"memory", "processes"} <= self._watched.hard:
                await asyncio.to_thread(self._hold_processes)
            incident = await self._disk.look()
            if incident is not None:
                for run in list(self.going):
                    run.end_for(incident)
                if not self.going:
                    await asyncio.to_thread(self._watched.population.kill_jobs)
            await self._pause()

    async def _pause(self) -> None:
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            if not self.going:
                await asyncio.wait_for(self._woken.wait(), _IDLE)
            await asyncio.sleep(_BUSY)  # most runs are over by then

    def _hold_processes(self) -> None:
        found = list(_processes(self._watched.init))
        if "processes" not in self._watched.hard and sum(each.threads for each in found) >= self._limits.processes - 1:
            self._meter.note(refused=1)
        if "memory" not in self._watched.hard:
            self._hold_memory(found)

    def _hold_memory(self, found: list[_Process]) -> None:
        shared = _shared_memory(self._watched.init)
        if sum(each.memory for each in found) + shared <= self._limits.memory:
            return
        # What processes have in common was counted for each of them; a true count costs more.
        exact = [each._replace(memory=_proportional(each.pid)) for each in found]
        too_much = sum(each.memory for each in exact) + shared - self._limits.memory
        for each in sorted(exact, key=lambda each: (each.is_shell, -each.memory)):
            if too_much <= 0:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
                self._meter.note(killed=1)
                too_much -= each.memory


class _Floor:
    """What the machine's disk has left, where a sandbox has one of its own that is a file there."""

    def __init__(self, watched: Watched, limits: Limits) -> None:
        self._watched = watched
        self._limits = limits
        self._used: int | None = None

    async def look(self) -> Incident | None:
        """Why what writes now must be ended."""
        disk = os.statvfs(self._watched.path)
        free = disk.f_bavail * disk.f_frsize
        if free >= self._limits.free_disk:
            self._used = None
            return None
        before, self._used = self._used, self._blocks()
        grows = before is not None and self._used > before
        return stopped(f"The machine's disk has only {size(free)} left") if grows else None

    def _blocks(self) -> int:
        try:
            return Directory(self._watched.path).image.stat().st_blocks
        except FileNotFoundError:
            return 0


class _Disk:
    """What a sandbox has written. Measured when the host's free space says that it may be too much by now."""

    def __init__(self, watched: Watched, limits: Limits) -> None:
        self._watched = watched
        self._limits = limits
        self._allowed = limits.disk
        self._used: int | None = None
        self._free = 0
        self._measured = 0.0
        self._next = 0.0

    async def look(self) -> Incident | None:
        """Why what writes now must be ended."""
        disk = os.statvfs(self._watched.path)
        free, now = disk.f_bavail * disk.f_frsize, time.monotonic()
        if now < self._next or not self._may_be_too_much(free, now):
            return None
        before, used = self._used, await disk_used(self._watched.path, self._watched.init)
        took = time.monotonic() - now
        self._used, self._free, self._measured = used, free, now
        self._next = now + took * _SHARE
        if used <= self._limits.disk:
            self._allowed = self._limits.disk
        if used > self._allowed:
            self._allowed = used + _SLACK
            return stopped(f"The sandbox uses {size(used)} of disk, more than its {size(self._limits.disk)}")
        if free < self._limits.free_disk and before is not None and used > before:
            return stopped(f"The machine's disk has only {size(free)} left")
        return None

    def _may_be_too_much(self, free: int, now: float) -> bool:
        if self._used is None or now - self._measured > _STALE or free < self._limits.free_disk:
            return True
        return self._used + (self._free - free) > self._allowed * _SPARED


def _processes(init: int) -> Iterable[_Process]:
    page = os.sysconf("SC_PAGE_SIZE")
    for entry in descendants(init):
        fields = stat_fields(entry.pid)
        if fields is not None:
            is_shell = entry.parent == init and entry.group == entry.pid
            yield _Process(entry.pid, int(fields[21]) * page, int(fields[17]), is_shell)


def _proportional(pid: int) -> int:
    """Bytes, with a share of what others have too; zero for a process that has ended."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) << 10
    return 0


def _shared_memory(init: int) -> int:
    try:
        found = os.statvfs(f"/proc/{init}/root/dev/shm")
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize
