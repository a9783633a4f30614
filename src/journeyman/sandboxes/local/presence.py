"""Which servers are attached to a sandbox: each holds a lock that its death releases."""

import fcntl
import os
from pathlib import Path


class Presence:
    """This server's lock, under a name of its own."""

    def __init__(self, path: Path, server: str) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self._path = path
        self.server = server
        staged = path / f".{server}"
        self._lock = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        staged.rename(path / server)

    def known(self) -> set[str]:
        """All that came and did not leave."""
        return {path.name for path in self._path.glob("[!.]*")} - {self.server}

    def lives(self, server: str) -> bool:
        """Whether a server is still there; a dead one is forgotten."""
        path = self._path / server
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        path.unlink(missing_ok=True)
        return False

    def leave(self) -> None:
        """Let go, as a death would."""
        (self._path / self.server).unlink(missing_ok=True)
        os.close(self._lock)
