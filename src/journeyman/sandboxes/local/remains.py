"""Control groups that outlived their runtime: found by the container's name, emptied and removed."""

import contextlib
import os
import signal
import time
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_PASSES = 50
_PAUSE = 0.01


def groups(container: str) -> list[Path]:
    """The control groups of containers that fit a pattern, in every hierarchy."""
    return [path for pattern in (container, f"*/{container}") for path in _GROUPS.glob(pattern) if path.is_dir()]


def clear(container: str) -> None:
    """Kill what is in its control groups and remove them. Blocks until they are gone, half a second at most."""
    for group in groups(container):
        for _ in range(_PASSES):
            if _remove(group):
                break
            time.sleep(_PAUSE)


def _remove(group: Path) -> bool:
    for folder, _, _ in os.walk(group, topdown=False):
        for pid in _processes(Path(folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not group.exists()


def _processes(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []
