"""The control groups that an engine gave to a container."""

from pathlib import Path

from journeyman.sandboxes.local.group import Group
from journeyman.sandboxes.local.limits import Limits

_ROOT = Path("/sys/fs/cgroup")
_FILES = {
    1: {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpu": "cpu.cfs_quota_us"},
    2: {"memory": "memory.max", "pids": "pids.max", "cpu": "cpu.max"},
}
_NAMES = {"memory": "memory", "pids": "processes", "cpu": "cpus"}


def groups_of(pid: int, limits: Limits) -> tuple[Group, frozenset[str]]:
    """A process's groups, and which of memory, cpus and processes they hold within the limits."""
    found = dict(_places(pid))
    version = 1 if found.keys() & _NAMES.keys() else 2
    if version == 2:
        found = dict.fromkeys((*_NAMES, "freezer"), found.get("", _ROOT))
    places = {name: place for name, place in found.items() if name in {*_NAMES, "freezer"}}
    hard: set[str] = set()
    for name, file in _FILES[version].items():
        if name not in places:
            continue
        # The engine may have put the limit on the group, and the processes into one below it.
        holding = next(
            (each for each in (places[name], places[name].parent) if _holds(each / file, name, limits)), None
        )
        if holding is not None:
            places[name] = holding
            hard.add(_NAMES[name])
    return Group(version, places), frozenset(hard)


def _places(pid: int) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for line in Path("/proc", str(pid), "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found.append((name, (_ROOT / name / path.lstrip("/")) if name else _ROOT / path.lstrip("/")))
    return found


def _holds(file: Path, name: str, limits: Limits) -> bool:
    try:
        word = file.read_text().split()[0]
    except (OSError, IndexError):
        return False
    most = {"memory": limits.memory, "pids": limits.processes}.get(name)
    return word.isdigit() and (most is None or int(word) <= most)
