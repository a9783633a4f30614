"""Taking what comes out of a named pipe: into a file with a bound, or nowhere."""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from pathlib import Path

_CHUNK = 65_536
_FREE = 16 << 20
"""After this many bytes a writer is slowed down, since reading it costs the server's time."""
_PAUSE = 0.005
_DRAIN_PAUSE = 0.02
_NONBLOCK = 2  # SPLICE_F_NONBLOCK
_TOTAL = struct.Struct("<Q")


class Kept:
    """The first and the last bytes of a stream, in a file from `base` on: a head, a ring of the rest, the total.

    The file alone tells its state, so that another server can go on where one was killed.
    """

    def __init__(self, file: int, base: int, limit: int) -> None:
        self._file = file
        self._base = base
        self._head = limit - limit // 2
        self._tail = limit // 2
        self.total = self._recorded_total()

    def take(self, pipe: int, count: int) -> int:
        """Move up to `count` bytes from a pipe; 0 at its end. Raises BlockingIOError when it is empty.

        The kernel moves them, so that no byte is ever only in this process's memory.
        """
        moved = self._move(pipe, count)
        self.total += moved
        if self.total > self._head + self._tail:
            os.pwrite(self._file, _TOTAL.pack(self.total), self._base + self._head + self._tail)
        return moved

    def read(self) -> bytes:
        """At most `limit` bytes: all, or the head and the tail."""
        limit = self._head + self._tail
        data = os.pread(self._file, min(self.total, limit), self._base)
        if self.total <= limit or not self._tail:
            return data
        cut = self._head + (self.total - self._head) % self._tail
        return data[: self._head] + data[cut:] + data[self._head : cut]

    def _move(self, pipe: int, count: int) -> int:
        if self.total < self._head:
            offset, room = self.total, self._head - self.total
        elif self._tail:
            at = (self.total - self._head) % self._tail
            offset, room = self._head + at, self._tail - at
        else:
            return len(os.read(pipe, count))
        return os.splice(pipe, self._file, min(count, room), offset_dst=self._base + offset, flags=_NONBLOCK)

    def _recorded_total(self) -> int:
        limit = self._head + self._tail
        present = max(0, os.fstat(self._file).st_size - self._base)
        if present <= limit:
            return present
        return int(_TOTAL.unpack(os.pread(self._file, _TOTAL.size, self._base + limit))[0])


class Capture:
    """Reads a run's pipe into a `Kept` while the run goes on, and throws away what comes afterwards.

    What a background job writes later must still be read, or the job would block; it belongs to no result.
    """

    def __init__(self, pipe: Path, kept: Kept | None, ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipe: int | None = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._kept = kept
        self._ended = ended
        self._later: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._pipe, self.pull)

    @property
    def is_drain(self) -> bool:
        """Whether what comes is thrown away."""
        return self._kept is None

    def finish(self) -> None:
        """Take what was written so far; from now on discard."""
        if self._kept is None or self._pipe is None:
            return
        present = _present(self._pipe)
        with contextlib.suppress(OSError):
            while present > 0 and (moved := self._kept.take(self._pipe, present)):
                present -= moved
        self._kept = None
        self._resume()

    def close(self) -> None:
        """Stop reading and leave the pipe in place, for the next server."""
        if self._later is not None:
            self._later.cancel()
        if self._pipe is not None:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None

    def pull(self) -> None:
        """Take what is there."""
        if self._pipe is None:
            return
        try:
            moved = self._kept.take(self._pipe, _CHUNK) if self._kept else len(os.read(self._pipe, _CHUNK))
        except BlockingIOError:
            return
        except OSError:  # the host's disk is full: the rest is lost, the run goes on
            self._kept, moved = None, 1
        if not moved:  # nobody can write any more
            self.close()
            self._ended()
        elif self._kept is None:
            self._pause(_DRAIN_PAUSE)
        elif self._kept.total > _FREE:
            self._pause(_PAUSE)

    def _pause(self, seconds: float) -> None:
        if self._pipe is not None:
            self._loop.remove_reader(self._pipe)
            self._later = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._pipe is not None:
            self._loop.add_reader(self._pipe, self.pull)


def _present(pipe: int) -> int:
    """Bytes waiting in a pipe."""
    buffer = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int(struct.unpack("i", buffer)[0])
