"""A filesystem of its own for each sandbox, in a file that has no more blocks than are used: a hard limit on the disk.

Mounted in the namespace of a thread only (`mounts.py`): it stays mounted for as long as the sandbox runs.
"""

import errno
import logging
import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from journeyman.sandboxes.local.directory import Directory, locked
from journeyman.sandboxes.local.loops import device
from journeyman.sandboxes.local.mounts import apart, leave_host, mount_device, unmount

_log = logging.getLogger("journeyman.sandboxes")

_MEGABYTE = 1 << 20
_OPTIONS = "discard,noinit_itable"
"""What is removed gives its blocks back to the host; what was never used takes none."""
# Room to grow is never used, and would be most of what every new disk is copied from.
_MAKE = [
    "mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-O", "^resize_inode",
    "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard,packed_meta_blocks=1",
]  # fmt: skip
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Disks:
    """Makes them, all of one size (bytes), from an empty one below `path`."""

    def __init__(self, path: Path, size: int, *, wanted: bool = True) -> None:
        self._path = path
        self._megabytes = max(16, size // _MEGABYTE)
        self._proven = False
        self._obstacle: str | None = None
        if os.geteuid() != 0:
            self._obstacle = "only root can mount filesystems"
        elif not wanted:
            self._obstacle = "sandbox.own_disks is off"

    def give(self, directory: Directory) -> None:
        """Let a new sandbox have one, where that can be. In a thread that has left the host's mounts."""
        if self._obstacle is not None:
            return
        try:
            self._make(directory)
        except (OSError, subprocess.CalledProcessError) as error:
            directory.image.unlink(missing_ok=True)
            self._obstacle = _reason(error)
            _log.warning("sandboxes have no disk of their own, and what they write is only watched: %s", self._obstacle)

    async def obstacle(self) -> str | None:
        """Why sandboxes have none; found by trying, on the filesystem that they are on."""
        return self._obstacle or await apart(self._try)

    def _try(self) -> str | None:
        place = next(path for path in (self._path, *self._path.parents) if path.is_dir())
        try:
            leave_host()
            with tempfile.TemporaryDirectory(dir=place, prefix="probe-") as probe:
                Disks(Path(probe), self._megabytes * _MEGABYTE)._make(Directory(Path(probe)))
        except (OSError, subprocess.CalledProcessError) as error:
            return _reason(error)
        return None

    def _make(self, directory: Directory) -> None:
        _clone(self._template(), directory.image)
        if not self._proven:
            with opened(directory):
                self._proven = True

    def _template(self) -> Path:
        template = self._path / f"empty-{self._megabytes}.img"
        if not template.exists():
            with locked(self._path / "disk.lock"):
                staged = template.with_suffix(".new")
                journal = min(64, max(4, self._megabytes // 128))
                with staged.open("wb") as file:
                    file.truncate(self._megabytes * _MEGABYTE)
                subprocess.run(
                    [*_MAKE, "-J", f"size={journal}", str(staged)],
                    check=True, env={"PATH": _PATH}, capture_output=True,
                )  # fmt: skip
                staged.rename(template)
        return template


@contextmanager
def opened(directory: Directory) -> Generator[None]:
    """Its disk, if it has one, mounted meanwhile, in a thread that has left the host's mounts. Raises OSError."""
    has = show(directory)
    try:
        yield
    finally:
        if has:
            unmount(str(directory.volume))


def show(directory: Directory) -> bool:
    """Mount a sandbox's disk, if it has one, for as long as the namespace lasts. Raises OSError."""
    if not directory.image.exists():
        return False
    directory.volume.mkdir(exist_ok=True)
    mount_image(directory.image, directory.volume)
    return True


def mount_image(image: Path, target: Path) -> None:
    """Raises OSError."""
    with device(image) as name:
        mount_device(name, str(target), "ext4", _OPTIONS)


def _clone(template: Path, image: Path) -> None:
    """Copy what is there; the rest stays a hole. There whole or not at all."""
    staged = image.with_suffix(".new")
    with template.open("rb") as source, staged.open("wb") as target:
        end = os.fstat(source.fileno()).st_size
        os.fchmod(target.fileno(), 0o600)
        target.truncate(end)
        for start, stop in _written(source.fileno(), end):
            _copy(source.fileno(), target.fileno(), start, stop)
    staged.rename(image)


def _written(file: int, end: int) -> Iterator[tuple[int, int]]:
    """Where a file of this size has data."""
    place = 0
    while place < end:
        try:
            start = os.lseek(file, place, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data behind the last
                return
            raise
        place = os.lseek(file, start, os.SEEK_HOLE)
        yield start, place


def _copy(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        start += os.copy_file_range(source, target, end - start, start, start)


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"mkfs.ext4 failed: {error.stderr.decode(errors='replace').strip()}"
    if isinstance(error, FileNotFoundError) and error.filename == _MAKE[0]:
        return "mkfs.ext4 is not installed: apt install e2fsprogs"
    return f"loop devices cannot be used: {error.strerror}"
