"""What a running sandbox says: a named pipe of lines, and the end of its first process."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from journeyman.egress.identity import Process, identify

_CHUNK = 4096
_LINE = 512
_PAUSE = 0.01
"""Seconds between two reads of a pipe that is full of lines, which only a hostile program makes it."""
_STATUS = 255


class Listener(Protocol):
    """Waits for news of one token."""

    shell: str

    def done(self, status: int, before: int | None, /) -> None:
        """It ended with this exit status. `before`: how the shell ended that its shell replaced meanwhile."""
        ...

    def idle(self, last: str, status: str, before: int | None, /) -> None:
        """Its shell has nothing to do, and the last token it finished was `last`."""
        ...

    def gone(self) -> None:
        """Its shell died and was started anew."""
        ...

    def lost(self) -> None:
        """The sandbox ended."""
        ...


class Events:
    """Reads the event pipe and hands each line to the listener of its token. Lines are the sandbox's: not trusted."""

    def __init__(self, pipe: Path, process: Process, up: Callable[[str], None], ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[str, Listener] = {}
        self._rest = b""
        self._up = up
        self._ended = ended
        self.process = process
        self._pidfd = _open_process(process)
        if self._pidfd is None:
            raise ProcessLookupError(process.pid)
        # Also for writing, or it would be at its end whenever nobody writes.
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._later: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._pidfd, self.end)
        self._loop.add_reader(self._pipe, self._read)

    def listen(self, token: str, listener: Listener) -> None:
        self._listeners[token] = listener

    def forget(self, token: str) -> None:
        self._listeners.pop(token, None)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the first process a signal; SIGKILL ends the whole sandbox."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Stop listening; the listeners are told nothing."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._pidfd is not None:
            for descriptor in (self._pidfd, self._pipe):
                self._loop.remove_reader(descriptor)
                os.close(descriptor)
            self._pidfd = None
        self._listeners.clear()

    def end(self) -> None:
        """Tell everybody that the sandbox has ended. Idempotent."""
        if self._pidfd is None:
            return
        listeners = list(self._listeners.values())
        self.close()
        for listener in listeners:
            listener.lost()
        self._ended()

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LINE:]
        # Lines of one reading that say the same are heard once: what they ask for takes the server's time.
        for line in dict.fromkeys(map(_said, lines)):
            self._hear(line.decode("ascii", "replace").split(" "))
        if len(data) == _CHUNK and self._pidfd is not None:
            self._loop.remove_reader(self._pipe)
            self._later = self._loop.call_later(_PAUSE, self._resume)

    def _resume(self) -> None:
        self._later = None
        self._loop.add_reader(self._pipe, self._read)

    def _hear(self, words: list[str]) -> None:
        match words:
            case ["done", token, status, before] if token in self._listeners and _code(status) is not None:
                self._listeners[token].done(int(status), _code(before))
            case ["idle", token, last, status, before] if token in self._listeners:
                self._listeners[token].idle(last, status, _code(before))
            case ["up", shell]:
                self._up(shell)
            case ["gone", shell]:
                # A listener may have several tokens, and gets more when it hears this.
                for listener in {id(each): each for each in self._listeners.values() if each.shell == shell}.values():
                    listener.gone()
            case _:
                pass


def _said(line: bytes) -> bytes:
    """A line without what nobody asks for: the status of a shell that is gone."""
    return b" ".join(line.split(b" ", 2)[:2]) if line.startswith(b"gone ") else line[:_LINE]


def _code(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) <= 3 and int(word) <= _STATUS else None


def _open_process(process: Process) -> int | None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if identify(process.pid) == process:
        return descriptor
    os.close(descriptor)
    return None
