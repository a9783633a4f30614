"""Servers on loopback that stand for the internet."""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from journeyman.egress.authority import ensure
from journeyman.egress.certificates import Leaves


@contextlib.asynccontextmanager
async def listening(serve, **options) -> AsyncIterator[int]:
    """A server's port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request with its own head."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        body = b"reached\n" + head
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
    writer.close()


async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks first, then sends back what it gets."""
    with contextlib.suppress(OSError):
        writer.write(b"220 welcome\r\n")
        while data := await reader.read(65_536):
            writer.write(b"echo " + data)
            await writer.drain()
    writer.close()


async def hashing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads to the end, then answers with the size and hash of what came."""
    digest, size = hashlib.sha256(), 0
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 20):
            digest.update(data)
            size += len(data)
        writer.write(f"{size} {digest.hexdigest()}".encode())
        await writer.drain()
    writer.close()


def tls(directory: Path, host: str) -> ssl.SSLContext:
    """A server's context with a certificate that only the authority in `directory` vouches for."""
    certificate = ensure(directory)
    leaf = directory / "leaf.pem"
    leaf.write_bytes(Leaves(certificate, directory / "ca.key").mint(host))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    return context


class Upstream(asyncio.DatagramProtocol):
    """The name server that the host itself asks; it knows no name, or fails, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.code = dns.rcode.NXDOMAIN

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].name.to_text(omit_final_dot=True))
        answer = dns.message.make_response(query)
        answer.set_rcode(self.code)
        self.transport.sendto(answer.to_wire(), addr)


@contextlib.asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Upstream, local_addr=("127.0.0.99", 53))
    try:
        yield protocol
    finally:
        transport.close()
