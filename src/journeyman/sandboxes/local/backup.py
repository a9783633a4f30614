"""What of the sandboxes' directory is kept in a backup, and what it takes to go on from one."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

from journeyman.sandboxes.local import state
from journeyman.sandboxes.local.directory import DISK

PASSING = (
    "sandboxes/lock",
    "sandboxes/layers.lock",
    "sandboxes/rt",
    "sandboxes/*/disk.loop",
    "sandboxes/layers/*/disk.loop",
    "sandboxes/gone-*",
    "sandboxes/*/config.json",
    "sandboxes/*/io",
    "sandboxes/*/lock",
    "sandboxes/*/log",
    "sandboxes/*/pid",
    "sandboxes/*/servers",
    "egress/attached",
    "egress/ca.lock",
    "egress/control",
    "egress/errors",
    "egress/lock",
    "egress/log",
    "images/.*",
)
"""What belongs to processes that run, as patterns of paths in the data directory. The rest is kept: files, layers of
packages and snapshots, base images, the shells' memory, what runs gave, and the authority that sandboxes trust."""


_FREEZE, _THAW = 0xC0045877, 0xC0045878
_LOOP_DEVICES = 7


def copy_disks(data_dir: Path, staging: Path) -> list[str]:
    """The disks of sandboxes that run, each as it is at one moment, as `disks/SLOT` in `staging`.

    What they stand for, as patterns of paths in the data directory. Who writes to one meanwhile waits.
    """
    found: list[str] = []
    for image in (data_dir / "sandboxes").glob(f"[0-9]*/{DISK}"):
        process = state.living(image.with_name("state.json"))
        if process is None:
            continue
        (staging / "disks").mkdir(exist_ok=True)
        with _still(Path(f"/proc/{process.pid}/root")):
            copy = ["cp", "--sparse=always", "--reflink=auto", "--", str(image)]
            subprocess.run([*copy, str(staging / "disks" / image.parent.name)], check=True)
        found.append(str(image.relative_to(data_dir)))
    return found


@contextlib.contextmanager
def _still(root: Path) -> Generator[None]:
    """A sandbox's own filesystem, whole on its disk and not written to. Never the host's."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        own = os.major(os.fstat(descriptor).st_dev) == _LOOP_DEVICES
        if own:
            fcntl.ioctl(descriptor, _FREEZE, 0)
        try:
            yield
        finally:
            if own:
                fcntl.ioctl(descriptor, _THAW, 0)
    finally:
        os.close(descriptor)


def settle_restored(data_dir: Path) -> None:
    """The processes that the sandboxes had are not theirs any more, though they may live: where the backup was made."""
    for path in (data_dir / "sandboxes").glob("[0-9]*/state.json"):
        state.save(path, None)
    copied = data_dir / "disks"
    if copied.is_dir():
        for image in copied.iterdir():
            image.rename(data_dir / "sandboxes" / image.name / DISK)
        shutil.rmtree(copied)
