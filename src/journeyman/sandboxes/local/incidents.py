"""What sandboxes ran into: found, put into words, and told to those who listen."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator

from journeyman.sandboxes.local.group import Counters, Group
from journeyman.sandboxes.local.limits import Limits, size
from journeyman.sandboxes.port import Incident, SandboxEvent

_log = logging.getLogger("journeyman.sandboxes")
_FULL = 4 << 20
"""Bytes: with less left a disk is full."""
_FULL_FILES = 16
_ROOM = (
    "Find what is large with du -xh --max-depth=2 /workspace /tmp /root /opt /usr/local | sort -h | tail, and remove "
    "what you no longer need."
)
_UNHEARD = 1000
"""Events that a listener may leave lying; of more it misses the oldest."""


class Meter:
    """Tells what one running sandbox came to since a look before."""

    def __init__(self, group: Group, limits: Limits, root: int) -> None:
        self._group = group
        self._limits = limits
        self._root = root
        self._soft = Counters()
        self.seen = self.read()
        """As of the last look; what happens between two runs belongs to the next."""

    def read(self) -> Counters:
        """The counters now."""
        self.seen = self.glance()
        return self.seen

    def glance(self) -> Counters:
        """The counters now, without a look: the next run is told of what they say too."""
        found = self._group.counters()
        return Counters(found.killed + self._soft.killed, found.refused + self._soft.refused)

    def note(self, *, killed: int = 0, refused: int = 0) -> None:
        """Count what a watchdog did or saw."""
        self._soft = Counters(self._soft.killed + killed, self._soft.refused + refused)

    def since(self, before: Counters) -> tuple[Incident, ...]:
        """What the sandbox ran into since the counters stood at `before`."""
        return self.between(before, self.read())

    def between(self, before: Counters, now: Counters) -> tuple[Incident, ...]:
        found: list[Incident] = []
        if now.killed > before.killed:
            found.append(out_of_memory(self._limits, now.killed - before.killed))
        if now.refused > before.refused:
            found.append(too_many_processes(self._limits))
        full = self._full_disk()
        return (*found, full) if full else tuple(found)

    def _full_disk(self) -> Incident | None:
        try:
            disk = os.fstatvfs(self._root)
        except OSError:
            return None
        if disk.f_bavail * disk.f_frsize < _FULL:
            return disk_full(f"The sandbox's disk of {size(disk.f_blocks * disk.f_frsize)} is full.")
        if disk.f_files and disk.f_favail < _FULL_FILES:
            return disk_full(f"The sandbox's disk has no room for more than its {disk.f_files} files.")
        return None


def out_of_memory(limits: Limits, killed: int) -> Incident:
    programs = "a program" if killed == 1 else f"{killed} programs"
    return Incident(
        "out_of_memory",
        f"The sandbox's memory of {size(limits.memory)} ran out, and {programs} in it had to be killed. "
        "Use less at a time: smaller batches, streams instead of whole files, fewer workers; end programs that you no "
        "longer need, and empty /dev/shm, which counts too.",
    )


def too_many_processes(limits: Limits) -> Incident:
    return Incident(
        "too_many_processes",
        f"The sandbox reached its limit of {limits.processes} processes and threads, and new ones could not start "
        '("Resource temporarily unavailable"). Run fewer at once, and end those you no longer need (ps ax, kill); '
        "restarting the shell ends all that it started.",
    )


def disk_full(what: str) -> Incident:
    return Incident("disk_full", f"{what} Writing fails until you make room. {_ROOM}")


def stopped(what: str) -> Incident:
    """For a run that was ended because of its disk."""
    return Incident("disk_full", f"{what}, and the command was stopped. Make room before you go on. {_ROOM}")


class Bulletin:
    """Incidents of all sandboxes, for the log and for every listener."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[SandboxEvent | None]] = set()

    def report(self, sandbox: str, incident: Incident) -> None:
        _log.warning("sandbox=%s incident=%s detail=%r", sandbox, incident.kind, incident.detail)
        for queue in self._listeners:
            if queue.qsize() >= _UNHEARD:
                queue.get_nowait()
            queue.put_nowait(SandboxEvent(sandbox, incident))

    def listen(self) -> AsyncGenerator[SandboxEvent]:
        """The events from this call on, until the bulletin is closed."""
        queue: asyncio.Queue[SandboxEvent | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._heard(queue)

    def close(self) -> None:
        for queue in self._listeners:
            queue.put_nowait(None)

    async def _heard(self, queue: asyncio.Queue[SandboxEvent | None]) -> AsyncGenerator[SandboxEvent]:
        with contextlib.ExitStack() as stack:
            stack.callback(self._listeners.discard, queue)
            while (event := await queue.get()) is not None:
                yield event
