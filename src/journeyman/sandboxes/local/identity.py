"""Who a sandbox's users are on the host."""

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
