"""The name server inside a sandbox: every name that may exist gets a made-up address, which stands for it."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable

from journeyman.egress.messages import Question, parse
from journeyman.egress.names import Names
from journeyman.egress.policy import Allowed, Policy, decide
from journeyman.egress.resolver import NoSuchName, Resolver, Unresolved

_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_PENDING = 64
"""Questions that wait for the host's resolver; beyond, they are dropped, and clients ask again."""
_AT_A_TIME = 64
"""Datagrams read before others get their turn."""
_CONNECTIONS = 32
_IDLE = 10.0


class Nameserver:
    """Answers on a UDP socket and a TCP listener in the sandbox's namespace."""

    def __init__(
        self,
        udp: socket.socket,
        tcp: socket.socket,
        *,
        names: Names,
        policy: Callable[[], Policy],
        resolver: Resolver,
    ) -> None:
        self._udp = udp
        self._tcp = tcp
        self._names = names
        self._policy = policy
        self._resolver = resolver
        self._pending: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(udp, self._datagrams)
        self._loop.add_reader(tcp, self._connected)

    def close(self) -> None:
        self._loop.remove_reader(self._udp)
        self._loop.remove_reader(self._tcp)
        for task in (*self._pending, *self._connections):
            task.cancel()

    async def answer(self, question: Question) -> bytes:
        """Denied names are not asked upstream: the connection will say why it is refused."""
        host = question.host
        address = question.reversed_address
        if address is not None:
            found = self._names.host(address)
            return question.pointer(found) if found else question.no_such_name()
        if len(host) > 253 or not _NAME.fullmatch(host):
            return question.no_such_name()
        if isinstance(decide(self._policy(), host), Allowed):
            try:
                await self._resolver.resolve(host)
            except NoSuchName:
                return question.no_such_name()
            except Unresolved:
                return question.failure()
        if not question.wants_address:
            return question.nothing()
        stands_for = self._names.address(host)
        return question.address(stands_for) if stands_for else question.failure()

    def _datagrams(self) -> None:
        for _ in range(_AT_A_TIME):
            try:
                data, client = self._udp.recvfrom(4096)
            except OSError:
                return
            question = parse(data)
            if question is not None and len(self._pending) < _PENDING:
                _keep(self._pending, self._loop.create_task(self._reply(question, client)))

    async def _reply(self, question: Question, client: tuple[str, int]) -> None:
        data = await self.answer(question)
        with contextlib.suppress(OSError):
            self._udp.sendto(data, client)

    def _connected(self) -> None:
        try:
            connection, _ = self._tcp.accept()
        except OSError:
            return
        if len(self._connections) >= _CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        _keep(self._connections, self._loop.create_task(self._converse(connection)))

    async def _converse(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):  # TimeoutError is one
            while True:
                async with asyncio.timeout(_IDLE):
                    size = int.from_bytes(await self._exactly(connection, 2), "big")
                    question = parse(await self._exactly(connection, size))
                    if question is None:
                        return
                    data = await self.answer(question)
                    await self._loop.sock_sendall(connection, len(data).to_bytes(2, "big") + data)

    async def _exactly(self, connection: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            received = await self._loop.sock_recv(connection, size - len(data))
            if not received:
                raise EOFError
            data += received
        return data


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)
