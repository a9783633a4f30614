"""The numbered pipes and files between server and sandbox. They are used again, since making a file costs more."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from journeyman.sandboxes.local.capture import Capture, Kept
from journeyman.sandboxes.local.rootfs import Tree

_LARGE = 65_536
"""A file that has held more is made anew: the sandbox reads files to their end."""


class Pipes:
    """Pipe N is `N.out`; what is sent for the run that writes to it is `N.script`, `N.argv` or `N.stdin`."""

    def __init__(self, io: Path, owner: tuple[int, int]) -> None:
        self._io = io
        self._tree = Tree(io, owner)
        self._free: list[int] = []
        self._captures: dict[int, Capture] = {}
        self._next = 1 + max((int(pipe.stem) for pipe in io.glob("*.out")), default=-1)

    def take(self) -> int:
        """A pipe that nobody writes to."""
        if self._free:
            return self._free.pop()
        number = self._next
        self._next += 1
        self._tree.pipe(f"{number}.out")
        return number

    def give_back(self, number: int) -> None:
        """What `take` gave was not used."""
        if number >= 0:
            self._free.append(number)

    def path(self, number: int) -> Path:
        return self._io / f"{number}.out"

    def capture(self, number: int, kept: Kept | None) -> Capture:
        """Read a pipe; it is free again when nobody can write to it any more."""
        capture = Capture(self.path(number), kept, lambda: self._ended(number))
        self._captures[number] = capture
        return capture

    def release(self, number: int) -> None:
        """Throw away what is still written, until it is free."""
        self.capture(number, None).pull()

    def release_all(self, busy: set[int]) -> None:
        """After another server: every pipe but the busy ones."""
        for number in set(range(self._next)) - busy:
            with contextlib.suppress(FileNotFoundError):
                self.release(number)

    def put(self, name: str, data: bytes) -> None:
        """A file for the sandbox to read; it may go on after `data` with what was there before."""
        path = self._io / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if os.fstat(descriptor).st_size > _LARGE:
                path.unlink()
                os.close(descriptor)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            os.fchmod(descriptor, 0o644)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def only(self, name: str, data: bytes) -> Generator[None]:
        """A file with just this content, for a while."""
        (self._io / name).unlink(missing_ok=True)
        self.put(name, data)
        try:
            yield
        finally:
            (self._io / name).unlink(missing_ok=True)

    def close(self) -> None:
        for capture in self._captures.values():
            capture.close()
        self._captures.clear()

    def _ended(self, number: int) -> None:
        del self._captures[number]
        self._free.append(number)
