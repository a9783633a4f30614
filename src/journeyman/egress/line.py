"""A server's connection to the egress process."""

import asyncio
import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from journeyman.egress.denials import Denial

_LINE = 4 << 20
_SECONDS = 30.0

Json = dict[str, Any]


class Lost(Exception):
    """The process ended, or does not answer."""


class EgressError(Exception):
    """The process could not do what was asked; the message says why."""


class Line:
    """Requests and their answers, and the denials that come by themselves."""

    def __init__(self, connection: socket.socket, denied: Callable[[Denial], None], lost: Callable[[], None]) -> None:
        self._connection = connection
        self._denied = denied
        self._lost = lost
        self._keys = itertools.count()
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection, limit=_LINE)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    @property
    def is_open(self) -> bool:
        return self._reading is not None and not self._reading.done()

    async def ask(self, do: str, **fields: object) -> Json:
        """Raises Lost or EgressError."""
        if not self.is_open or self._writer is None:
            raise Lost
        key = next(self._keys)
        answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(orjson.dumps({"key": key, "do": do, **fields}, option=orjson.OPT_APPEND_NEWLINE))
            return await asyncio.wait_for(answer, _SECONDS)
        except (TimeoutError, OSError):
            raise Lost from None
        finally:
            del self._waiting[key]

    async def close(self) -> None:
        self._lost = lambda: None
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._writer is not None:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                message: Json = orjson.loads(line)
                if "denied" in message:
                    self._denied(Denial(**message["denied"]))
                else:
                    self._take(message)
        except OSError:
            pass
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Lost())
            self._lost()

    def _take(self, message: Json) -> None:
        answer = self._waiting.get(message["key"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(EgressError(message["error"]))
        else:
            answer.set_result(message["done"])


def connect(directory: Path) -> socket.socket | None:
    """None when no process listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # By way of a descriptor, since a socket's path may have 107 bytes only.
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/control")
        finally:
            os.close(descriptor)
    except OSError:
        connection.close()
        return None
    connection.setblocking(False)
    return connection
