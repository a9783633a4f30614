"""The way into a running sandbox: its named pipes, this server's event pipe, and its root directory."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Generator
from pathlib import Path

from journeyman.egress.identity import Process
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.events import Events
from journeyman.sandboxes.local.guard import Guard, Rules
from journeyman.sandboxes.local.memory import Memory
from journeyman.sandboxes.local.pipes import Pipes
from journeyman.sandboxes.local.population import Population
from journeyman.sandboxes.local.presence import Presence
from journeyman.sandboxes.local.rootfs import Tree
from journeyman.sandboxes.local.watch import Watch
from journeyman.sandboxes.port import Incident

_PROGRAMS = ("init", "shell", "exec", "save", "reap")
_LATER = 0.02
EXEC_SHELL = ".exec"


class Channel:
    """Open while a server is attached to a running sandbox; closing it does not touch the sandbox."""

    def __init__(
        self, directory: Directory, process: Process, owner: tuple[int, int], rules: Rules, population: Population
    ) -> None:
        self._io = directory.io
        self._tree = Tree(directory.io, owner)
        self._inputs: dict[str, int] = {}
        self.memory = Memory(directory.shells)
        self.denied: list[Incident] = []
        """Connections that its egress refused."""
        self._presence = Presence(directory.path / "servers", new_token())
        self._tree.pipe(f"{self.server}.events")
        self.events = Events(self._io / f"{self.server}.events", process, self._follow, self._let_go)
        self.population = population
        self._watch = Watch(population, self._sweep_twice)
        self.pipes = Pipes(directory.io, owner, self.server)
        self.alive = True
        self._clearing = 0
        # Kept open: what is written is lost when nobody has the pipe open, and the first process may not yet.
        self._control = os.open(self._io / "control", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.root = population.open_root()
        self.guard = Guard(rules, population, process.pid, directory.path, self.root)

    @property
    def server(self) -> str:
        """This server's name inside the sandbox."""
        return self._presence.server

    @property
    def init(self) -> int:
        """pid of the sandbox's first process."""
        return self.events.process.pid

    def send(self, shell: str, *words: str) -> None:
        """Give a shell its next line; makes the shell if there is none of that name."""
        if shell not in self._inputs:
            self._inputs[shell] = self._input(shell)
        self._watch.follow(shell)
        self._write(self._inputs[shell], " ".join([*words, self.server]))

    def dead(self) -> set[str]:
        """Servers that left something here and live no more."""
        servers = {path.stem for path in self._io.glob("*.events")} | self.pipes.servers() | self._presence.known()
        return {server for server in servers if not self._presence.lives(server)}

    def inherit(self, dead: set[str], busy: set[str]) -> None:
        """Take over what dead servers left; `busy` are the pipes of runs that go on."""
        self.pipes.inherit(dead, busy)
        for server in dead:
            (self._io / f"{server}.events").unlink(missing_ok=True)
        self.sweep()

    def sweep(self) -> None:
        """Have the first process start the shells anew that have died."""
        if self.alive and not self._clearing:
            self._tell("-")

    @contextlib.contextmanager
    def clearing(self) -> Generator[None]:
        """While processes are killed, no shell is started: there may be no room for one, and bash then waits long."""
        self._clearing += 1
        try:
            yield
        finally:
            self._clearing -= 1
            self.sweep()

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
            self._watch.close()
            self.guard.close()
            for descriptor in (self.root, self._control, *self._inputs.values()):
                os.close(descriptor)
            self._inputs.clear()
            self._presence.leave()

    def _input(self, shell: str) -> int:
        path = self._io / f"{shell}.in"
        is_new = not path.exists()
        if is_new:
            self._tree.pipe(path.name)
        # Both directions, so that opening waits for nobody.
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        if is_new:
            self._tell(shell)
        return descriptor

    def _tell(self, line: str) -> None:
        self._write(self._control, line)

    def _write(self, pipe: int, line: str) -> None:
        try:
            os.write(pipe, line.encode() + b"\n")
        except BlockingIOError:
            # We never send that much: a program of the sandbox has filled it, and only a new start helps.
            self.events.kill()

    def _follow(self, shell: str) -> None:
        if shell not in self._inputs:
            return  # it is followed when it gets its first line
        if not self._watch.follow(shell):  # it has said that it is up, and is dead already
            self._sweep_twice()

    def _sweep_twice(self) -> None:
        # When the first look was so early that the dead was not yet buried.
        self.sweep()
        asyncio.get_running_loop().call_later(_LATER, self.sweep)


def make_pipes(io: Path, owner: tuple[int, int]) -> None:
    """What the first process needs before it starts, and what was kept of the shells of an earlier life."""
    io.mkdir(mode=0o755)
    io.chmod(0o755)
    tree = Tree(io, owner)
    for name in ("control", "main.in"):
        tree.pipe(name)
    for shell, pieces in Memory(Directory(io.parent).shells).begin_life().items():
        _put(io / f"{shell}.kept", pieces)
    for name in _PROGRAMS:
        _put(io / name, (Path(__file__).parent / f"{name}.bash").read_bytes())


def _put(path: Path, data: bytes) -> None:
    """A file that is the server's."""
    path.write_bytes(data)
    path.chmod(0o644)


def new_token() -> str:
    """A name inside the sandbox, where ids of the server are not shown."""
    return secrets.token_hex(8)
