"""Who a process is (pid and start time), and who a sandbox's users are on the host."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

RANGE = 65_536
"""User ids per sandbox."""


class Mapping(NamedTuple):
    """`size` ids from `inside` on are `outside` and following on the host."""

    inside: int
    outside: int
    size: int

    def oci(self) -> dict[str, Any]:
        return {"containerID": self.inside, "hostID": self.outside, "size": self.size}


@dataclass(frozen=True, slots=True)
class IdMap:
    """The user and group ids of a sandbox."""

    users: tuple[Mapping, ...]
    groups: tuple[Mapping, ...]

    @property
    def root(self) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        return self.users[0].outside, self.groups[0].outside


def id_map(slot: int, base: int) -> IdMap:
    """A range of its own for root; else the user itself, with its subordinate ids where it has some."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        own = (Mapping(0, base + slot * RANGE, RANGE),)
        return IdMap(own, own)
    users, groups = subordinate("subuid"), subordinate("subgid")
    if not users or not groups:
        return IdMap((Mapping(0, uid, 1),), (Mapping(0, gid, 1),))
    return IdMap((Mapping(0, uid, 1), Mapping(1, *users)), (Mapping(0, gid, 1), Mapping(1, *groups)))


def subordinate(table: str) -> tuple[int, int] | None:
    """The first range /etc/subuid or /etc/subgid gives this user: its start and size."""
    names = {str(os.geteuid())}
    try:
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
        lines = Path("/etc", table).read_text().splitlines()
    except (KeyError, OSError):
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        start, _, size = rest.partition(":")
        if name in names and start.isdigit() and size.strip().isdigit():
            return int(start), min(int(size), RANGE - 1)
    return None


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
