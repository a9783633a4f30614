"""The pipes and files between a server and a sandbox. They are used again, since making a file costs more."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from journeyman.sandboxes.local.capture import Capture, Kept
from journeyman.sandboxes.local.rootfs import Tree

_LARGE = 65_536
"""A file that has held more is made anew: the sandbox reads files to their end."""
_LEFT = 128
"""How many pipes of ended runs are read at once; background jobs that write to an older one find it closed."""


class Pipes:
    """A pipe P is `P.out`; what is sent for the run that writes to it is `P.script`, `P.argv` or `P.stdin`.

    Every server has its own, named after it; those of a dead server are read to their end and removed.
    """

    def __init__(self, io: Path, owner: tuple[int, int], server: str) -> None:
        self._io = io
        self._tree = Tree(io, owner)
        self._server = server
        self._made = 0
        self._free: list[str] = []
        self._captures: dict[str, Capture] = {}

    def take(self) -> str:
        """A pipe that nobody writes to."""
        self._drop_old()
        if self._free:
            return self._free.pop()
        pipe = f"{self._server}-{self._made}"
        self._made += 1
        self._tree.pipe(f"{pipe}.out")
        return pipe

    def give_back(self, pipe: str) -> None:
        """What `take` gave was not used."""
        self._free.append(pipe)

    def path(self, pipe: str) -> Path:
        return self._io / f"{pipe}.out"

    def capture(self, pipe: str, kept: Kept | None) -> Capture | None:
        """Read a pipe until nobody can write to it any more; None when that is so already."""
        try:
            capture = Capture(self.path(pipe), kept, lambda: self._ended(pipe))
        except FileNotFoundError:
            return None
        self._captures[pipe] = capture
        return capture

    def release(self, pipe: str) -> None:
        """Throw away what is still written."""
        capture = self.capture(pipe, None)
        if capture is not None:
            capture.pull()

    def servers(self) -> set[str]:
        """The servers that have pipes here."""
        return {_server(path.stem) for path in self._io.glob("*.out")}

    def inherit(self, dead: set[str], busy: set[str]) -> None:
        """Release the pipes of dead servers, but for the busy ones."""
        for path in self._io.glob("*.out"):
            if _server(path.stem) in dead and path.stem not in busy:
                self.release(path.stem)

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

    def _drop_old(self) -> None:
        drained = [pipe for pipe, capture in self._captures.items() if capture.is_drain]
        for pipe in drained[:-_LEFT]:
            self._captures.pop(pipe).close()
            self._remove(pipe)

    def _remove(self, pipe: str) -> None:
        for path in self._io.glob(f"{pipe}.*"):
            path.unlink(missing_ok=True)

    def _ended(self, pipe: str) -> None:
        self._captures.pop(pipe, None)
        if _server(pipe) == self._server:
            self._free.append(pipe)
        else:
            self._remove(pipe)


def _server(pipe: str) -> str:
    return pipe.partition("-")[0]
