"""Which process a sandbox is, so that no later one with its pid is taken for it."""

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: int
    """clock ticks since boot"""
    boot: str


def identify(pid: int) -> Process | None:
    """The living process with this pid; a zombie does not live."""
    fields = stat_fields(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]), boot_id())


def lives(process: Process) -> bool:
    return identify(process.pid) == process


def stat_fields(pid: int) -> list[str] | None:
    """/proc/PID/stat from the state on (0 state, 1 parent, 19 start time); None when there is no such process."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
