"""What keeps one running sandbox within its limits, and says when it came to them."""

import os
from dataclasses import dataclass
from pathlib import Path

from journeyman.sandboxes.local.group import Group
from journeyman.sandboxes.local.incidents import Meter
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.population import Population
from journeyman.sandboxes.local.watchdog import Going, Watchdog, Watched

_ABOUT = 1.1


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of a sandbox, its control groups, and which limits these hold."""

    limits: Limits
    group: Group
    hard: frozenset[str]
    written: Path | None = None
    """What it writes lies here; None: in its own directory."""


class Guard:
    def __init__(self, rules: Rules, population: Population, init: int, path: Path, root: int) -> None:
        self.group = rules.group
        self.group.thaw()
        self.meter = Meter(rules.group, rules.limits, root)
        hard = rules.hard.union(["disk"] if _has_own_disk(root, rules.limits) else [])
        watched = Watched(init, population, rules.written or path, hard)
        self._watchdog = Watchdog(watched, rules.limits, self.meter)

    def began(self, run: Going) -> None:
        """A run goes on that can be ended."""
        self._watchdog.began(run)

    def ended(self, run: Going) -> None:
        self._watchdog.ended(run)

    def close(self) -> None:
        self._watchdog.close()


def _has_own_disk(root: int, limits: Limits) -> bool:
    """Whether its files lie on a filesystem that is no larger than they may be."""
    found = os.fstatvfs(root)
    return found.f_blocks * found.f_frsize <= limits.disk * _ABOUT
