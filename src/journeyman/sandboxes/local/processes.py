"""Finding and killing processes of a sandbox from outside."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from journeyman.egress.identity import stat_fields

Frozen = Callable[[], AbstractContextManager[None]]
"""Keeps the sandbox from running for a while, where that can be done."""
_PASSES = 20
"""How often to look for children that appeared while their parents were being killed."""
_REAPED = 0.5
"""Seconds in which the dead are usually taken from the process table, where they use up room until then."""


class Entry(NamedTuple):
    """A living process of the sandbox."""

    pid: int
    parent: int
    group: int
    session: int
    started: int
    """clock ticks since boot"""


class _Victim(NamedTuple):
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: int


def ticks_now() -> int:
    """Now, in the unit of a process's start time."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def descendants(root: int) -> list[Entry]:
    """All processes below `root`, parents first, without it."""
    found: list[Entry] = []
    waiting = [root]
    while waiting:
        for pid in _children(waiting.pop()):
            entry = _entry(pid)
            if entry is not None:
                found.append(entry)
                waiting.append(pid)
    return found


def _entry(pid: int) -> Entry | None:
    fields = stat_fields(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Entry(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def _children(pid: int) -> list[int]:
    # Not by looking at every process of the host, of which there may be thousands.
    found: list[int] = []
    for task in entries(pid, "task"):
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def entries(pid: int, folder: str) -> list[Path]:
    """What is in /proc/PID/FOLDER; nothing when the process has ended meanwhile."""
    place = Path("/proc", str(pid), folder)
    try:
        return list(place.iterdir())
    except OSError:
        return []


class Victims(NamedTuple):
    """A run: what was started for it carries its token, and what only forked is known by its time."""

    shell: str
    token: str
    since: int
    """clock ticks since boot"""


def kill_run(init: int, run: Victims, frozen: Frozen) -> None:
    """Kill a run's shell and what the run started; jobs of earlier runs live on."""

    def is_of_run(entry: Entry) -> bool:
        token = variable(entry.pid, "JOURNEYMAN_RUN")
        return token == run.token or (not token and entry.started >= run.since)

    _kill_shell(init, run.shell, is_of_run, frozen)


def kill_shell(init: int, shell: str, frozen: Frozen) -> None:
    """Kill a shell and everything it ever started."""
    _kill_shell(init, shell, lambda _: True, frozen)


def _kill_shell(init: int, shell: str, counts: Callable[[Entry], bool], frozen: Frozen) -> None:
    def is_of_shell(entry: Entry) -> bool:
        return variable(entry.pid, "JOURNEYMAN_SHELL") == shell

    # Its successor, which appears as soon as it is dead, must live.
    shells = {each.pid for each in descendants(init) if _leads(each, init) and is_of_shell(each)}

    def belongs(entry: Entry) -> bool:
        return entry.pid in shells or (not _leads(entry, init) and is_of_shell(entry) and counts(entry))

    _kill(init, belongs, counts, frozen)


def kill_jobs(init: int) -> None:
    """Kill all but the shells."""
    for each in descendants(init):
        if not (each.parent == init and each.group == each.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)


def find_shell(init: int, shell: str) -> int | None:
    """The living shell of this name."""
    for pid in _children(init):
        entry = _entry(pid)
        if entry is not None and _leads(entry, init) and variable(pid, "JOURNEYMAN_SHELL") == shell:
            return pid
    return None


def left_behind(init: int) -> set[str]:
    """The shells that started something which still runs: jobs, servers."""
    rest = [entry for entry in descendants(init) if not _leads(entry, init)]
    return {variable(entry.pid, "JOURNEYMAN_SHELL") or "main" for entry in rest}


def _leads(entry: Entry, init: int) -> bool:
    """Whether it is a shell; jobs of a dead shell are init's children too, but in that shell's group."""
    return entry.parent == init and entry.group == entry.pid and entry.session != entry.pid


def kill_execution(init: int, token: str, frozen: Frozen) -> bool:
    """Kill a one-shot program and its children; whether there was one."""
    return _kill(init, lambda entry: variable(entry.pid, "JOURNEYMAN_EXEC") == token, lambda _: True, frozen)


def variable(pid: int, name: str) -> str:
    """A variable of the environment a process was started with; empty when it has none."""
    try:
        words = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    prefix = name.encode() + b"="
    return next((word[len(prefix) :].decode(errors="replace") for word in words if word.startswith(prefix)), "")


def _kill(init: int, belongs: Callable[[Entry], bool], follows: Callable[[Entry], bool], frozen: Frozen) -> bool:
    """Whether there was anything to kill."""
    victims: set[_Victim] = set()
    if not _kill_in_passes(init, belongs, follows, victims):
        with frozen():
            _signal(_select(init, belongs, follows), signal.SIGKILL)
        _kill_in_passes(init, belongs, follows, victims)
    _await_reaping(victims)
    return bool(victims)


def _await_reaping(victims: Collection[_Victim]) -> None:
    """Not forever: a parent that lives on may never ask after its children."""
    until = time.monotonic() + _REAPED
    while any(map(_is_listed, victims)) and time.monotonic() < until:
        time.sleep(0.002)


def _is_listed(victim: _Victim) -> bool:
    """Whether it has a place in the process table, alive or dead."""
    fields = stat_fields(victim.pid)
    return fields is not None and int(fields[19]) == victim.started


def _kill_in_passes(
    init: int, belongs: Callable[[Entry], bool], follows: Callable[[Entry], bool], victims: set[_Victim]
) -> bool:
    """Whether none is left; what forks faster than it is killed leaves some. All are added to `victims`."""
    # Not stopped first: a process group that loses its parent while one of it is stopped gets a SIGHUP,
    # which would reach jobs that shall live.
    quiet = 0
    for _ in range(_PASSES):
        fresh = [victim for victim in _select(init, belongs, follows) if victim not in victims]
        quiet = 0 if fresh else quiet + 1
        if quiet == 2:  # a process in the middle of an exec has no environment to see
            return True
        _signal(fresh, signal.SIGKILL)
        victims.update(fresh)
    return False


def _select(init: int, belongs: Callable[[Entry], bool], follows: Callable[[Entry], bool]) -> list[_Victim]:
    """Parents before their children: a shell whose command is killed first would go on with the next one."""
    entries = descendants(init)
    chosen = {entry.pid for entry in entries if belongs(entry)}
    for entry in entries:
        if entry.parent in chosen and follows(entry):
            chosen.add(entry.pid)
    return [_Victim(entry.pid, entry.started) for entry in entries if entry.pid in chosen]


def _signal(victims: Collection[_Victim], number: int) -> None:
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(victim.pid)
            try:
                # The pid may be another's by now, even of a process of the host.
                if _is_listed(victim):
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
