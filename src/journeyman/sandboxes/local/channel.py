"""The way into a running sandbox: its named pipes, its event pipe and its root directory."""

import contextlib
import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

from journeyman.sandboxes.local.capture import Capture, Kept
from journeyman.sandboxes.local.events import Events
from journeyman.sandboxes.local.identity import Process
from journeyman.sandboxes.local.rootfs import Tree

_PROGRAMS = ("init", "shell", "exec")
EXEC_SHELL = ".exec"
_SENT = (".script", ".argv", ".stdin")


class Channel:
    """Open while a server is attached to a running sandbox; closing it does not touch the sandbox."""

    def __init__(self, io: Path, process: Process, owner: tuple[int, int], ended: Callable[[], None]) -> None:
        self._io = io
        self._tree = Tree(io, owner)
        self._captures: list[Capture] = []
        self._inputs: dict[str, int] = {}
        self.events = Events(io / "events", process, self._closed_by_end)
        self._ended = ended
        self.alive = True
        self.root = os.open(f"/proc/{process.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def init(self) -> int:
        """pid of the sandbox's first process."""
        return self.events.process.pid

    def send(self, shell: str, line: str) -> None:
        """Give a shell its next line; makes the shell if there is none of that name."""
        if shell not in self._inputs:
            self._inputs[shell] = self._input(shell)
        os.write(self._inputs[shell], line.encode() + b"\n")

    def put(self, name: str, data: bytes) -> None:
        """A file the sandbox reads next to its pipes."""
        path = self._io / name
        path.write_bytes(data)
        path.chmod(0o644)

    def pipe(self, name: str) -> Path:
        """A new pipe that the sandbox writes to."""
        self._tree.pipe(name)
        return self._io / name

    def capture(self, token: str, kept: Kept) -> Capture | None:
        """Read a run's output; None when nobody can write to it any more."""
        try:
            capture = Capture(self._io / f"{token}.out", kept)
        except FileNotFoundError:
            return None
        self._captures = [each for each in self._captures if not each.closed]
        self._captures.append(capture)
        return capture

    def clear(self, token: str) -> None:
        """Remove what was sent with a token."""
        for suffix in _SENT:
            with contextlib.suppress(FileNotFoundError):
                (self._io / (token + suffix)).unlink()

    def drain(self, busy: set[str]) -> None:
        """Go on reading what background jobs of finished runs write; `busy` are the tokens of the others."""
        for pipe in self._io.glob("*.out"):
            if pipe.stem not in busy:
                self._captures.append(Capture(pipe, None))

    def close(self) -> None:
        self.events.close()
        self._let_go()

    def _closed_by_end(self) -> None:
        self._let_go()
        self._ended()

    def _let_go(self) -> None:
        if self.alive:
            self.alive = False
            for capture in self._captures:
                capture.close()
            for descriptor in (self.root, *self._inputs.values()):
                os.close(descriptor)
            self._inputs.clear()

    def _input(self, shell: str) -> int:
        path = self._io / f"{shell}.in"
        is_new = not path.exists()
        if is_new:
            self._tree.pipe(path.name)
        # Both directions, so that opening waits for nobody.
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        if is_new:
            control = os.open(self._io / "control", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            os.write(control, shell.encode() + b"\n")
            os.close(control)
            self.events.kill(signal.SIGUSR1)
        return descriptor


def make_pipes(io: Path, owner: tuple[int, int]) -> None:
    """What the first process needs before it starts."""
    io.mkdir(mode=0o755)
    io.chmod(0o755)
    tree = Tree(io, owner)
    for name in ("control", "events", "never", f"{EXEC_SHELL}.in", "main.in"):
        tree.pipe(name)
    for name in _PROGRAMS:
        tree.file(name, (Path(__file__).parent / f"{name}.bash").read_text())


def new_token() -> str:
    """Names one run inside the sandbox, where its id is not shown."""
    return secrets.token_hex(8)
