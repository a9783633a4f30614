"""Whether a sandbox is used, for the other servers of its data directory: each has its own clock of rest."""

import fcntl
import os
import time
from pathlib import Path


class Use:
    """A file that those who use the sandbox hold locked together; its time is that of the last use that ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def begin(self) -> None:
        """A call begins, the first of this server's."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another is just looking

    def end(self) -> None:
        """The last call of this server's has ended."""
        if self._file is not None:
            os.utime(self._file)
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def elsewhere(self, seconds: float) -> bool:
        """Whether another server uses it, or has done so within the last `seconds`. For who does not use it itself."""
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return time.time() - os.fstat(file).st_mtime < seconds
        except BlockingIOError:
            return True
        finally:
            os.close(file)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
