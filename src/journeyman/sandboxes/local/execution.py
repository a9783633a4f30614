"""One-shot programs, with their outputs apart."""

import asyncio
import contextlib
import os
from pathlib import Path

from journeyman.sandboxes.local.channel import EXEC_SHELL, Channel, new_token
from journeyman.sandboxes.local.processes import kill_marked
from journeyman.sandboxes.port import ExecResult, SandboxError

_CHUNK = 65_536


class Stream:
    """Keeps the first `limit` bytes of a pipe in memory."""

    def __init__(self, pipe: Path, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = pipe
        self._pipe = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._room = limit
        self._parts: list[bytes] = []
        self.truncated = False
        self._loop.add_reader(self._pipe, self._read)

    def finish(self) -> bytes:
        """What came until now, and the end of reading."""
        for _ in range(2):  # a pipe holds 65536 bytes, which may be one more chunk than is waiting at first
            self._read()
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._path.unlink(missing_ok=True)
        return b"".join(self._parts)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._pipe, _CHUNK)
            if not data:
                self._loop.remove_reader(self._pipe)
            self.truncated |= len(data) > self._room
            if self._room and data:
                self._parts.append(data[: self._room])
                self._room -= len(self._parts[-1])


class Execution:
    """Listens for the end of one program."""

    shell = EXEC_SHELL

    def __init__(self, channel: Channel, limit: int) -> None:
        self._channel = channel
        self._token = new_token()
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._out = Stream(channel.pipe(f"{self._token}.out"), limit)
        self._err = Stream(channel.pipe(f"{self._token}.err"), limit)
        channel.events.listen(self._token, self)

    async def run(self, argv: list[str], cwd: str, stdin: bytes, timeout: float) -> ExecResult:
        """Raises SandboxError when it does not end in time."""
        source = "/dev/null"
        if stdin:
            self._channel.put(f"{self._token}.stdin", stdin)
            source = f"/run/journeyman/{self._token}.stdin"
        self._channel.put(f"{self._token}.argv", b"\0".join(map(os.fsencode, [cwd, source, *argv])) + b"\0")
        ended = False
        try:
            self._channel.send(EXEC_SHELL, self._token)
            status = await asyncio.wait_for(self._status, timeout)
            ended = True
        except TimeoutError:
            raise SandboxError(f"{argv[0]} did not finish within {timeout:g} seconds and was stopped.") from None
        finally:
            out, err = self._out.finish(), self._err.finish()
            self._channel.events.forget(self._token)
            if not ended and self._channel.alive:
                await asyncio.to_thread(kill_marked, self._channel.init, f"JOURNEYMAN_EXEC={self._token}")
            self._channel.clear(self._token)
        return ExecResult(status, out, err, self._out.truncated or self._err.truncated)

    def done(self, status: int) -> None:
        if not self._status.done():
            self._status.set_result(status)

    def gone(self, code: int) -> None:
        self._fail(f"The program was ended from inside the sandbox (code {code}). Try again.")

    def idle(self, last: str, status: str) -> None:
        """Nobody asks for it here."""

    def lost(self) -> None:
        self._fail("The sandbox ended while the program ran. Try again.")

    def _fail(self, message: str) -> None:
        if not self._status.done():
            self._status.set_exception(SandboxError(message))
