"""One sandbox that the egress process serves."""

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import Callable

from journeyman.egress.connection import Means, Rules, Target, serve
from journeyman.egress.identity import Process
from journeyman.egress.names import Names
from journeyman.egress.nameserver import Nameserver
from journeyman.egress.namespaces import Doors
from journeyman.egress.policy import Policy
from journeyman.egress.refusal import reset

_CONNECTIONS = 1024
"""A sandbox's open connections; beyond, new ones are reset."""
_AT_A_TIME = 32
_PAUSE = 0.2
"""Seconds to wait when the process has no descriptors left."""
_ORIGINAL_DESTINATION = 80


class Attachment:
    """Accepts what its sandbox's programs connect to anywhere. New `rules` count from the next connection on."""

    def __init__(
        self, process: Process, policy: Policy, doors: Doors, means: Means, denied: Callable[[Target, str], None]
    ) -> None:
        self.process = process
        self.rules = Rules(policy)
        self._doors = doors
        self._means = means
        self._denied = denied
        self._names = Names()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._nameserver = Nameserver(
            doors.dns, doors.dns_tcp, names=self._names, policy=lambda: self.rules.policy, resolver=means.resolver
        )
        for listener in doors.listeners:
            self._loop.add_reader(listener, self._accept, listener)

    @property
    def connections(self) -> int:
        return len(self._connections)

    @property
    def redirected(self) -> bool:
        return self._doors.redirected

    def close(self) -> None:
        """Break off all its connections and leave the namespace."""
        self._closed = True
        self._nameserver.close()
        for listener in self._doors.listeners:
            self._loop.remove_reader(listener)
        for task in self._connections:
            task.cancel()
        for each in self._doors.all():
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_A_TIME):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors left: others must end first
                self._loop.remove_reader(listener)
                self._loop.call_later(_PAUSE, self._accept_again, listener)
                return
            client.setblocking(False)
            destination = self._destination(client)
            if destination is None or len(self._connections) >= _CONNECTIONS:
                reset(client)
                continue
            task = self._loop.create_task(self._serve(client, *destination))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    def _accept_again(self, listener: socket.socket) -> None:
        if not self._closed:
            self._loop.add_reader(listener, self._accept, listener)

    async def _serve(self, client: socket.socket, address: str, port: int) -> None:
        host = self._names.host(address)
        if host is None:
            await serve(client, Target(address, port), self.rules, self._means, self._denied)
            return
        self._names.hold(host)
        try:
            await serve(client, Target(host, port), self.rules, self._means, self._denied)
        finally:
            self._names.release(host)

    def _destination(self, client: socket.socket) -> tuple[str, int] | None:
        """The address and port that the client asked for; None for the sandbox's own loopback, which is no way out."""
        with contextlib.suppress(OSError):
            address, port = _original(client) if self._doors.redirected else client.getsockname()[:2]
            return None if ipaddress.ip_address(address).is_loopback else (address, port)
        return None


def _original(client: socket.socket) -> tuple[str, int]:
    if client.family == socket.AF_INET6:
        port, packed = struct.unpack("!2xH4x16s4x", client.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DESTINATION, 28))
        return socket.inet_ntop(socket.AF_INET6, packed), port
    port, packed = struct.unpack("!2xH4s8x", client.getsockopt(socket.IPPROTO_IP, _ORIGINAL_DESTINATION, 16))
    return socket.inet_ntoa(packed), port
