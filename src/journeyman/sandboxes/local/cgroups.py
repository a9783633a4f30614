"""Where control groups can be made, on version 1 and 2, and what the runtime is told to put into them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from journeyman.sandboxes.local.group import Group
from journeyman.sandboxes.local.limits import CPU_PERIOD, Limits

_ROOT = Path("/sys/fs/cgroup")
_WANTED = {"memory": "memory", "cpu": "cpus", "pids": "processes"}
_LEAF = "journeyman-server"
"""Where the server itself goes in a group that was handed to it: only groups without processes can be divided."""
_MOVES = 10


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The directories in which this server may make groups, by controller; none where they are not ours."""

    version: int = 0
    places: dict[str, Path] = field(default_factory=dict[str, Path])
    prefix: str = ""
    """Of the paths that the runtime is given."""
    shared: bool = False
    """The directory has our own processes in it."""

    @property
    def hard(self) -> frozenset[str]:
        """Which of memory, cpus and processes are held by the kernel."""
        return frozenset(name for controller, name in _WANTED.items() if controller in self.places)

    def path(self, container: str) -> str | None:
        """The container's group as the runtime is told it; None: it makes none."""
        return f"{self.prefix}/{container}" if self.places else None

    def group(self, container: str) -> Group:
        return Group(self.version, {controller: place / container for controller, place in self.places.items()})

    def resources(self, limits: Limits) -> dict[str, Any]:
        """The OCI section. The runtime refuses what the kernel has not, so that is left out."""
        found: dict[str, Any] = {}
        if "memory" in self.places:
            found["memory"] = {"limit": limits.memory}
            if self._can_limit("memory.memsw.limit_in_bytes", Path("/proc/swaps")):
                found["memory"]["swap"] = limits.memory
        if "cpu" in self.places:
            found["cpu"] = {"quota": int(limits.cpus * CPU_PERIOD), "period": CPU_PERIOD}
        if "pids" in self.places:
            found["pids"] = {"limit": limits.processes}
        return found

    def prepare(self) -> None:
        """Make room for groups where our own processes are. Idempotent."""
        if not self.shared:
            return
        base = next(iter(self.places.values()))
        (base / _LEAF).mkdir(exist_ok=True)
        for _ in range(_MOVES):  # what was forked meanwhile comes with the next
            found = (base / "cgroup.procs").read_text().split()
            if not found:
                break
            for pid in found:
                _put(base / _LEAF / "cgroup.procs", pid)
        for controller in _WANTED:
            if controller in self.places:
                _put(base / "cgroup.subtree_control", f"+{controller}")

    def _can_limit(self, version_1: str, version_2: Path) -> bool:
        return (self.places["memory"] / version_1).exists() if self.version == 1 else version_2.exists()


def find_cgroups() -> Cgroups:
    """What this server may use: all as root, as another user what systemd has delegated (version 2)."""
    mounts = dict(_mounts())
    if mounts.get(_ROOT) == "cgroup2":
        return _unified()
    if os.geteuid() != 0:
        return Cgroups()
    places = {name: _ROOT / name for name in [*_WANTED, "freezer"] if _is_ours(mounts, _ROOT / name)}
    return Cgroups(1, places) if places.keys() & _WANTED.keys() else Cgroups()


def _unified() -> Cgroups:
    is_top = not (_ROOT / "cgroup.type").exists()  # else this is a part that a container was given
    own = _own_group()
    if os.geteuid() == 0 and is_top:
        return _on(_ROOT, shared=False)
    base = _ROOT / own.lstrip("/")
    base = base.parent if base.name == _LEAF else base
    handed_over = all(os.access(base / name, os.W_OK) for name in ("", "cgroup.procs", "cgroup.subtree_control"))
    return _on(base, shared=True) if handed_over else Cgroups()


def _on(base: Path, *, shared: bool) -> Cgroups:
    try:
        available = set((base / "cgroup.controllers").read_text().split()) & _WANTED.keys()
    except OSError:
        return Cgroups()
    if not available or not os.access(base, os.W_OK):
        return Cgroups()
    prefix = "" if base == _ROOT else f"/{base.relative_to(_ROOT)}"
    return Cgroups(2, dict.fromkeys([*sorted(available), "freezer"], base), prefix, shared)


def _own_group() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    return "/"


def _is_ours(mounts: dict[Path, str], place: Path) -> bool:
    # cpu may be a link to cpu,cpuacct
    return mounts.get(place.resolve()) == "cgroup" and os.access(place, os.W_OK)


def _mounts() -> Iterator[tuple[Path, str]]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        yield Path(words[4]), words[words.index("-") + 1]


def _put(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError:  # a process that has ended, or a controller that is not there: what is missing is seen at a start
        return
