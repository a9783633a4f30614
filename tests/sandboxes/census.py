"""What there is of sandboxes on the machine and in this process."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from journeyman.sandboxes.local.remains import groups


def census(data_dir: Path) -> dict[str, set[str]]:
    """Everything that a sandbox below `data_dir` could leave."""
    descriptors: set[str] = set()
    for path in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # the listing's own
            descriptors.add(f"{path.name} {path.readlink()}")
    tag = hashlib.sha256(str((data_dir / "sandboxes").resolve()).encode()).hexdigest()[:8]
    tasks = {task.get_name() for task in asyncio.all_tasks()} - {_own_name()}
    return {
        "processes": _processes(data_dir),
        "mounts": {line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(data_dir) in line},
        "control groups": {str(path) for path in groups(f"journeyman-{tag}-*")},
        "loop devices": {line for line in _loop_devices() if str(data_dir) in line},
        "files": {str(path.relative_to(data_dir)) for path in data_dir.rglob("*")},
        "descriptors": descriptors,
        "tasks": tasks,
    }


def _loop_devices() -> Iterator[str]:
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # it went meanwhile
            yield f"{path.parent.parent.name} {path.read_text()}"


def _own_name() -> str:
    task = asyncio.current_task()
    return task.get_name() if task else ""


def _processes(data_dir: Path) -> set[str]:
    """Children of this process, and whatever was started inside a sandbox."""
    own = {process.pid for process in psutil.Process().children(recursive=True)}
    found: set[str] = set()
    for process in psutil.process_iter():
        try:
            inside = str(data_dir) in Path(f"/proc/{process.pid}/mountinfo").read_text()
            named = str(data_dir) in " ".join(process.cmdline())
        except (psutil.Error, OSError):
            continue
        if process.pid in own or inside or named:
            found.add(f"{process.pid} {process.ppid()}")
    return found
