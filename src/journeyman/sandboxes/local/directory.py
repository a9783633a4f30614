"""What a sandbox is on disk, and which directory belongs to which sandbox."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from journeyman.sandboxes.port import SandboxError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


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
    def root(self) -> Path:
        return self.path / "root"

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
    def lock(self) -> Path:
        return self.path / "lock"


class Directories:
    """All sandboxes below one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runtime = path / "rt"
        self._names = path / "names"

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
                yield link.name, Directory(self.path / link.readlink().name)

    def orphans(self) -> list[Directory]:
        """Slots without a name: what a death in the middle of make or remove left."""
        if not self.path.is_dir():
            return []
        with locked(self.path / "lock"):
            named = {directory.path for _, directory in self.all()}
            found = [entry for entry in self.path.iterdir() if entry.name.isdigit() and entry not in named]
        return [Directory(entry) for entry in found]

    def forget(self, sandbox: str) -> None:
        """Take the name away; the directory is then an orphan."""
        (self._names / checked_name(sandbox)).unlink(missing_ok=True)

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
        for path in (directory.runs, directory.writes):
            path.mkdir(mode=0o700)
        (self._names / sandbox).symlink_to(f"../{slot}")
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


def checked_name(name: str) -> str:
    """The name of a sandbox or shell, which becomes a file's name. Raises SandboxError."""
    if not _NAME.fullmatch(name):
        raise SandboxError(f"{name!r} cannot name a sandbox or a shell: use letters, digits, '_', '-' and '.'")
    return name


def remove_tree(path: Path) -> None:
    """Remove what the server may remove; raises OSError for what belongs to subordinate users."""
    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(path)
        except RecursionError:  # deeper than Python goes
            subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], check=False, stderr=subprocess.DEVNULL)
