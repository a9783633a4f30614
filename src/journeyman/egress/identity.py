"""Which process a sandbox is, so that no later one with its pid is taken for it."""

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    pid: int
    started: int
    """clock ticks since boot"""
    boot: str


def identify(pid: int) -> Process | None:
    """The living process with this pid; a zombie does not live."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]), Path("/proc/sys/kernel/random/boot_id").read_text().strip())
