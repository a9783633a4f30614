"""One-shot programs, with their outputs apart."""

import asyncio
import contextlib
import os
from pathlib import Path

from journeyman.sandboxes.local.bundle import IO
from journeyman.sandboxes.local.channel import EXEC_SHELL, Channel, new_token
from journeyman.sandboxes.port import ExecResult, SandboxError

_CHUNK = 65_536
_PATIENCE = 0.5
"""Seconds a program has to begin."""
_PAUSE = 0.005
"""Seconds between two reads of what is thrown away, since reading it costs the server's time."""


class Stream:
    """Keeps the first `limit` bytes of a pipe in memory."""

    def __init__(self, pipe: Path, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pipe = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._room = limit
        self._parts: list[bytes] = []
        self._later: asyncio.TimerHandle | None = None
        self.truncated = False
        self._loop.add_reader(self._pipe, self._read)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def finish(self) -> None:
        """Take what came until now, and read no more."""
        for _ in range(2):  # a pipe holds 65536 bytes, which may be one more chunk than is waiting at first
            self._take()
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)

    def _read(self) -> None:
        if not self._take():
            self._loop.remove_reader(self._pipe)
        elif not self._room:
            self._loop.remove_reader(self._pipe)
            self._later = self._loop.call_later(_PAUSE, self._loop.add_reader, self._pipe, self._read)

    def _take(self) -> bool:
        """Whether there may be more."""
        try:
            data = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return True
        self.truncated |= len(data) > self._room
        if self._room and data:
            self._parts.append(data[: self._room])
            self._room -= len(self._parts[-1])
        return bool(data)


class Execution:
    """Listens for the end of one program."""

    shell = EXEC_SHELL

    def __init__(self, channel: Channel, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._token = new_token()
        self._status: asyncio.Future[int] = self._loop.create_future()
        self._lost = asyncio.Event()
        self._pipes = channel.pipes.take(), channel.pipes.take()
        self._out, self._err = (Stream(channel.pipes.path(pipe), limit) for pipe in self._pipes)
        channel.events.listen(self._token, self)

    async def run(self, argv: list[str], cwd: str, stdin: bytes, timeout: float) -> ExecResult:
        """Raises SandboxError when it does not end in time."""
        with contextlib.ExitStack() as files:
            source = "/dev/null"
            if stdin:
                name = f"{self._pipes[0]}.stdin"
                files.enter_context(self._channel.pipes.only(name, stdin))
                source = f"{IO}/{name}"
            words = map(os.fsencode, [str(len(argv)), cwd, source, *argv])
            self._channel.pipes.put(f"{self._pipes[0]}.argv", b"\0".join(words) + b"\0")
            meter = self._channel.guard.meter
            before = meter.glance()
            self._channel.send(EXEC_SHELL, self._token, *self._pipes)
            status = await self._ended(argv[0], timeout)
        truncated = self._out.truncated or self._err.truncated
        return ExecResult(status, self._out.data, self._err.data, truncated, meter.between(before, meter.glance()))

    async def _ended(self, name: str, timeout: float) -> int:
        sent = self._loop.time()
        try:
            return await asyncio.wait_for(self._status, timeout)
        except TimeoutError:
            raise SandboxError(f"{name} did not finish within {timeout:g} seconds and was stopped.") from None
        finally:
            self._out.finish()
            self._err.finish()
            if self._channel.alive and self._status.cancelled():
                had_begun = await asyncio.to_thread(self._channel.population.kill_execution, self._token)
                if not had_begun and self._loop.time() - sent > _PATIENCE:
                    # What runs programs was stopped from inside, or robbed of its lines: only a new start helps.
                    self._channel.events.kill()
                    await self._lost.wait()
            self._channel.events.forget(self._token)
            if self._channel.alive:
                for pipe in self._pipes:
                    self._channel.pipes.release(pipe)

    def done(self, status: int, _before: int | None) -> None:
        if not self._status.done():
            self._status.set_result(status)

    def gone(self) -> None:
        self._fail("The program was ended from inside the sandbox. Try again.")

    def idle(self, _last: str, _status: str, _before: int | None) -> None:
        """Nobody asks for it here."""

    def lost(self) -> None:
        self._lost.set()
        self._fail("The sandbox ended while the program ran. Try again.")

    def _fail(self, message: str) -> None:
        if not self._status.done():
            self._status.set_exception(SandboxError(message))
