"""Asking the opener for the sockets of a sandbox's network namespace."""

import asyncio
import itertools
import socket
from dataclasses import dataclass
from typing import Any

import orjson

from journeyman.egress.opener import MAX_SOCKETS

_SECONDS = 10


class CannotEnter(Exception):
    """The message says what is in the way."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Sockets inside a sandbox's namespace, none of them blocking."""

    dns: socket.socket
    dns_tcp: socket.socket
    listeners: tuple[socket.socket, ...]
    redirected: bool
    """Whether all TCP ports lead to the listeners (nft), and the original destination is to be asked for."""

    def all(self) -> tuple[socket.socket, ...]:
        return (self.dns, self.dns_tcp, *self.listeners)


class Namespaces:
    """The asking side of `opener.start()`. Belongs to one event loop."""

    def __init__(self, opener: socket.socket) -> None:
        self._opener = opener
        self._opener.setblocking(False)
        self._keys = itertools.count()
        self._waiting: dict[int, asyncio.Future[Doors]] = {}
        asyncio.get_running_loop().add_reader(opener, self._answered)

    async def open(self, pidfd: int) -> Doors:
        """Open them in the namespace of the process. Raises CannotEnter."""
        key = next(self._keys)
        waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            socket.send_fds(self._opener, [orjson.dumps({"key": key})], [pidfd])
            return await asyncio.wait_for(waiting, _SECONDS)
        except OSError as error:  # TimeoutError is one
            raise CannotEnter(f"The sandbox's network namespace could not be opened: {error!r}") from None
        finally:
            del self._waiting[key]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._opener)
        self._opener.close()

    def _answered(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._opener, 4096, MAX_SOCKETS)
        except BlockingIOError:
            return
        if not message:
            asyncio.get_running_loop().remove_reader(self._opener)
            return
        sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        answer: dict[str, Any] = orjson.loads(message)
        waiting = self._waiting.get(answer["key"])
        if waiting is None or waiting.done():
            for each in sockets:
                each.close()
        elif "error" in answer:
            waiting.set_exception(CannotEnter(answer["error"]))
        else:
            waiting.set_result(Doors(sockets[0], sockets[1], tuple(sockets[2:]), answer["redirected"]))
