"""A network namespace to serve, and the programs that run in it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from journeyman.egress.client import Egress

# Without the host's own names, and asking the sandbox's name server.
_MAKE = """
mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/empty" /etc/hosts && echo made && exec sleep infinity
"""
_PROCESS = """
mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/upstream.conf" /etc/resolv.conf && shift && exec "$@"
"""
_PRELUDE = """
import socket, ssl, sys
def talk(host, port, data, seconds=15):
    got = b""
    try:
        with socket.create_connection((host, port), seconds) as s:
            s.sendall(data)
            while d := s.recv(65536):
                got += d
    except (ConnectionResetError, BrokenPipeError):
        return "RESET" if not got else got.decode("latin1") + " then RESET"
    return got.decode("latin1")
"""


class Box:
    def __init__(self, process: "subprocess.Popen[str]", directory: Path) -> None:
        self._process = process
        self._directory = directory

    @property
    def pid(self) -> int:
        return self._process.pid

    async def run(self, *argv: str, seconds: float = 60) -> str:
        """Run a program; what it printed, errors included."""
        enter = ["nsenter", "--target", str(self.pid), "--user", "--net", "--mount", "--preserve-credentials", "--"]
        process = await asyncio.create_subprocess_exec(
            *enter, *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd="/"
        )
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
        return output.decode(errors="replace")

    async def sh(self, script: str) -> str:
        return await self.run("sh", "-c", script)

    async def python(self, program: str) -> str:
        """`talk(host, port, data)` is there: what came back, or RESET."""
        return (await self.run(sys.executable, "-c", _PRELUDE + textwrap.dedent(program))).strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def made_box(directory: Path) -> Iterator[Box]:
    directory.mkdir(exist_ok=True)
    (directory / "resolv.conf").write_text("nameserver 198.18.0.1\noptions timeout:3 attempts:2\n")
    (directory / "empty").write_text("")
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", _MAKE, "sh", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "made\n"
            yield Box(process, directory)
        finally:
            process.kill()


class World:
    """The egress process of a directory, run where the host's names are what `names` says."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "hosts").write_text("")
        (directory / "upstream.conf").write_text("nameserver 127.0.0.99\noptions timeout:1 attempts:1\n")
        self.state = directory / "egress"
        self.state.mkdir(mode=0o700, exist_ok=True)

    def names(self, **addresses: str) -> None:
        """Change what names resolve to; `_` stands for `.`, several addresses are separated by commas."""
        lines = [
            f"{address} {name.replace('_', '.')}"
            for name, several in addresses.items()
            for address in several.split(",")
        ]
        (self.directory / "hosts").write_text("\n".join([*lines, ""]))

    async def start(self) -> None:
        own = [sys.executable, "-m", "journeyman.egress", str(self.state)]
        process = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "sh", "-c", _PROCESS, "sh", str(self.directory), *own, cwd="/"
        )
        assert await process.wait() == 0


@contextlib.asynccontextmanager
async def connected(world: World, allow_private: list[str]) -> AsyncIterator[Egress]:
    await world.start()
    egress = Egress(world.state, allow_private)
    try:
        yield egress
    finally:
        await egress.stop()


async def until_gone(pid: int) -> None:
    """Wait for a process that need not be ours."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), 10)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def murder(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)
