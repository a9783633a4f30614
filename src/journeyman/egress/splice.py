"""Bytes from one socket to another, with back-pressure and half-close."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

CHUNK = 128 << 10
"""Bytes moved at a time, and at most held for a receiver that is slow."""


class Flow:
    """One direction. It ends when its source ends, or when one of the two sockets fails."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, buffer: memoryview, ended: Callable[[], None]
    ) -> None:
        """`buffer` may be shared by all flows of a loop: nothing stays in it."""
        self._source = source
        self._sink = sink
        self._buffer = buffer
        self._ended = ended
        self._left = b""
        self._loop = asyncio.get_running_loop()
        self.moved = False
        """Whether any byte came."""
        self.failed = False
        """Whether its source broke off, instead of ending."""
        self.over = False
        self.last = self._loop.time()
        """When something last came or went."""
        self._loop.add_reader(source, self._readable)

    def stop(self) -> None:
        """Move nothing more; the sockets stay as they are."""
        if not self.over:
            self.over = True
            self._loop.remove_reader(self._source)
            self._loop.remove_writer(self._sink)

    def _readable(self) -> None:
        try:
            count = self._source.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.failed = True
            self._end()
            return
        if not count:
            self._finish()
            return
        self.moved = True
        self.last = self._loop.time()
        sent = self._send(self._buffer[:count])
        if sent is not None and sent < count:
            self._left = bytes(self._buffer[sent:count])
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._sink, self._writable)

    def _writable(self) -> None:
        sent = self._send(memoryview(self._left))
        if sent is None:
            return
        self._left = self._left[sent:]
        self.last = self._loop.time()
        if not self._left:
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._readable)

    def _send(self, data: memoryview) -> int | None:
        """How much was taken; None when the sink takes nothing any more."""
        try:
            return self._sink.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._end()
            return None

    def _finish(self) -> None:
        with contextlib.suppress(OSError):
            self._sink.shutdown(socket.SHUT_WR)
        self._end()

    def _end(self) -> None:
        self.stop()
        self._ended()
