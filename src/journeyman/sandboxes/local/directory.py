"""What a sandbox is on disk, and which directory belongs to which sandbox."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import AsyncGenerator, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from journeyman.sandboxes.local.memory import Memory
from journeyman.sandboxes.port import Incident, SandboxError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")

DISK = "disk.img"
"""The name of a disk, of a sandbox and of the layer that it becomes."""
_GONE = "gone-"
_REPLACED = Incident(
    "replaced",
    "This is a new computer: the one before reached its age and was removed with all its files, installed packages and "
    "processes. What you need of them has to be made again.",
)


@dataclass(frozen=True, slots=True)
class Directory:
    """One sandbox's directory; its name is the slot, which also picks the range of user ids."""

    path: Path

    @property
    def slot(self) -> int:
        return int(self.path.name)

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def image(self) -> Path:
        """Its disk, if it has one of its own."""
        return self.path / DISK

    @property
    def volume(self) -> Path:
        """Where what it writes lies; with a disk of its own only where that is mounted."""
        return self.path / "disk" if self.image.exists() else self.path

    @property
    def files(self) -> Path:
        """Its root directory."""
        return self.volume / "files"

    @property
    def upper(self) -> Path:
        """What it changed in the directories that lie over layers."""
        return self.volume / "upper"

    @property
    def work(self) -> Path:
        return self.volume / "work"

    @property
    def has_files(self) -> bool:
        return self.image.exists() or self.files.is_dir()

    @property
    def layers(self) -> Path:
        """Where its layers are seen while it is started."""
        return self.path / "layers"

    @property
    def io(self) -> Path:
        """The named pipes; the sandbox sees this directory read-only."""
        return self.path / "io"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def writes(self) -> Path:
        return self.path / "writes"

    @property
    def shells(self) -> Path:
        return self.path / "shells"

    @property
    def lock(self) -> Path:
        return self.path / "lock"


class Directories:
    """All sandboxes below one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runtime = path / "rt"
        self.layers = path / "layers"
        self.snapshots = path / "snapshots"
        self._names = path / "names"
        self._expired = path / "expired"
        self.tag = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
        """Tells this directory's containers from those of others."""

    def container(self, directory: "Directory") -> str:
        """The name of a sandbox's container."""
        return f"journeyman-{self.tag}-{directory.slot}"

    def find(self, sandbox: str) -> Directory | None:
        """The sandbox's directory, if it has one."""
        try:
            return Directory(self.path / (self._names / checked_name(sandbox)).readlink().name)
        except FileNotFoundError:
            return None

    def make(self, sandbox: str) -> Directory:
        """Find it or give it a free slot."""
        self.prepare()
        with locked(self.path / "lock"):
            return self.find(sandbox) or self._allot(sandbox)

    def all(self) -> Iterator[tuple[str, Directory]]:
        """Every named sandbox."""
        if self._names.is_dir():
            for link in sorted(self._names.iterdir()):
                if directory := self.find(link.name):  # none: its name was taken away since
                    yield link.name, directory

    def created(self, sandbox: str) -> float:
        """Wall clock, seconds."""
        return (self._names / sandbox).lstat().st_mtime

    def expired(self) -> dict[str, float]:
        """Sandboxes that are gone and may come again, and when they went (wall clock, seconds)."""
        found: dict[str, float] = {}
        for path in self._expired.glob("*"):
            with contextlib.suppress(FileNotFoundError):
                found[path.name] = path.stat().st_mtime
        return found

    def expire(self, sandbox: str) -> None:
        """Take the name away, and remember that it was there."""
        self._expired.mkdir(exist_ok=True, mode=0o700)
        (self._expired / checked_name(sandbox)).touch()
        (self._names / sandbox).unlink(missing_ok=True)

    def is_named(self, directory: Directory) -> bool:
        return any(each == directory for _, each in self.all())

    def discard(self, directory: Directory) -> Path | None:
        """Free the slot of an orphan; what is to be removed now."""
        gone = self.path / f"{_GONE}{directory.slot}-{secrets.token_hex(4)}"
        with locked(self.path / "lock"):
            if self.is_named(directory):
                return None
            directory.path.rename(gone)
        return gone

    def discarded(self) -> list[Path]:
        return list(self.path.glob(f"{_GONE}*"))

    def reserve(self, slots: set[int]) -> None:
        """Take the free ones of these slots: they are orphans then."""
        self.prepare()
        with locked(self.path / "lock"):
            for slot in slots:
                (self.path / str(slot)).mkdir(exist_ok=True)

    def orphans(self) -> list[Directory]:
        """Slots without a name: what a death in the middle of make or remove left."""
        if not self.path.is_dir():
            return []
        with locked(self.path / "lock"):
            named = {directory.path for _, directory in self.all()}
            found = [entry for entry in self.path.iterdir() if entry.name.isdigit() and entry not in named]
        return [Directory(entry) for entry in found]

    def forget(self, sandbox: str) -> None:
        """Take the name away, and the memory of it; the directory is then an orphan."""
        for place in (self._names, self._expired):
            (place / checked_name(sandbox)).unlink(missing_ok=True)

    def prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        # Where root runs the server the sandbox's root is another user out here, who must pass; otherwise it is the
        # user itself, and a set-user-id program left in a sandbox would make everybody who can reach it that user.
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for path in (self._names, self.runtime):
            path.mkdir(exist_ok=True, mode=0o700)

    def _allot(self, sandbox: str) -> Directory:
        slot = 0
        while True:
            try:
                (self.path / str(slot)).mkdir()
                break
            except FileExistsError:
                slot += 1
        directory = Directory(self.path / str(slot))
        directory.path.chmod(0o711)
        for path in (directory.runs, directory.writes, directory.shells):
            path.mkdir(mode=0o700)
        if (self._expired / sandbox).exists():
            Memory(directory.shells).announce(_REPLACED)
        (self._names / sandbox).symlink_to(f"../{slot}")
        (self._expired / sandbox).unlink(missing_ok=True)
        return directory


@contextlib.contextmanager
def locked(path: Path) -> Generator[int]:
    """Hold a file lock, against other server processes too; blocks. Gives its descriptor: whoever has it holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.asynccontextmanager
async def held(path: Path) -> AsyncGenerator[int]:
    """`locked` without blocking the loop."""
    lock = locked(path)
    descriptor = await asyncio.to_thread(lock.__enter__)
    try:
        yield descriptor
    finally:
        lock.__exit__(None, None, None)


def checked_name(name: str) -> str:
    """The name of a sandbox or shell, which becomes a file's name. Raises SandboxError."""
    if not _NAME.fullmatch(name):
        raise SandboxError(f"{name!r} cannot name a sandbox or a shell: use letters, digits, '_', '-' and '.'")
    return name


def remove_tree(path: Path) -> None:
    """Remove what the server may remove; raises OSError for what belongs to subordinate users."""
    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(path, onerror=_unless_gone)
        except RecursionError:  # deeper than Python goes
            subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], check=False, stderr=subprocess.DEVNULL)


def _unless_gone(_call: object, _path: str, failure: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(failure[1], FileNotFoundError):  # else another removes it too
        raise failure[1]
