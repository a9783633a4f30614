"""The way into a running sandbox: its named pipes, its event pipe and its root directory."""

import os
import secrets
import signal
from pathlib import Path

from journeyman.sandboxes.local.events import Events
from journeyman.sandboxes.local.identity import Process
from journeyman.sandboxes.local.pipes import Pipes
from journeyman.sandboxes.local.rootfs import Tree

_PROGRAMS = ("init", "shell", "exec")
EXEC_SHELL = ".exec"


class Channel:
    """Open while a server is attached to a running sandbox; closing it does not touch the sandbox."""

    def __init__(self, io: Path, process: Process, owner: tuple[int, int]) -> None:
        self._io = io
        self._tree = Tree(io, owner)
        self._inputs: dict[str, int] = {}
        self.events = Events(io / "events", process, self._let_go)
        self.pipes = Pipes(io, owner)
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

    def end(self) -> None:
        """The sandbox has ended: tell the listeners and close."""
        self.events.end()

    def close(self) -> None:
        self.events.close()
        self._let_go()

    def _let_go(self) -> None:
        if self.alive:
            self.alive = False
            self.pipes.close()
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
