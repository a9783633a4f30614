"""Two sides of a connection that is read here: as it comes, or inside TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")
_CHUNK = 65_536


class Stream(Protocol):
    """One task may read while another writes."""

    async def read(self) -> bytes:
        """What came; empty at its end. Raises OSError."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises OSError."""
        ...

    async def finish(self) -> None:
        """Nothing more will be written."""
        ...


class Plain:
    """Bytes as they are; `said` was read before."""

    def __init__(self, connection: socket.socket, said: bytes = b"") -> None:
        self._connection = connection
        self._said = said
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        if self._said:
            said, self._said = self._said, b""
            return said
        return await self._loop.sock_recv(self._connection, _CHUNK)

    async def write(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._connection, data)

    async def finish(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)


class Tls:
    """Bytes inside TLS; what was `said` before belongs to it."""

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, said: bytes = b"", *, server: str | None = None
    ) -> None:
        """`server`: the name of the one that is spoken to; None: this is the server's side."""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(said)
        self._session = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server is None, server_hostname=server
        )
        self._sending = asyncio.Lock()

    async def handshake(self) -> None:
        """Raises OSError (ssl.SSLError is one)."""
        await self._do(self._session.do_handshake)

    async def read(self) -> bytes:
        try:
            return await self._do(lambda: self._session.read(_CHUNK))
        except ssl.SSLZeroReturnError:
            return b""

    async def write(self, data: bytes) -> None:
        await self._do(lambda: self._session.write(data))

    async def finish(self) -> None:
        with contextlib.suppress(OSError):
            with contextlib.suppress(ssl.SSLError):
                self._session.unwrap()  # says goodbye, and does not wait for the other's
            await self._flush()
            self._connection.shutdown(socket.SHUT_WR)

    async def _do(self, step: Callable[[], T]) -> T:
        """Do it, sending and receiving what it takes."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await self._flush()
                received = await self._loop.sock_recv(self._connection, _CHUNK)
                if not received:
                    raise ConnectionAbortedError("ended without a goodbye") from None
                self._incoming.write(received)
            finally:
                await self._flush()

    async def _flush(self) -> None:
        async with self._sending:
            if self._outgoing.pending:
                await self._loop.sock_sendall(self._connection, self._outgoing.read())
