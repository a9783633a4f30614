"""A raw HTTP server that plays canned bytes and sees what happens to its connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

_EVENT_STREAM = "content-type: text/event-stream\r\n"


@dataclass
class Server:
    """What a test may look at."""

    url: str = ""
    connections: int = 0
    requests: int = 0
    bodies: list[bytes] = field(default_factory=list[bytes])
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def serving(
    *pieces: bytes,
    status: str = "200 OK",
    headers: str = _EVENT_STREAM,
    hold: bool = False,
    reply: Callable[[bytes], tuple[str, bytes]] | None = None,
) -> AsyncIterator[Server]:
    """Answer each request with these pieces, a chunk each; `hold` keeps the answer open until the client leaves.

    `reply` makes the status and the answer from the request's body instead.
    """
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        while (body := await _read_request(reader)) is not None:
            server.requests += 1
            server.bodies.append(body)
            server.asked.set()
            line, parts = (status, pieces) if reply is None else _single(*reply(body))
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)
            head = f"HTTP/1.1 {line}\r\n{headers}transfer-encoding: chunked\r\n\r\n".encode()
            writer.write(head + chunks + (b"" if hold else b"0\r\n\r\n"))
            await writer.drain()
        server.hung_up.set()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()


def _single(status: str, body: bytes) -> tuple[str, tuple[bytes, ...]]:
    return status, (body,)


async def _read_request(reader: asyncio.StreamReader) -> bytes | None:
    """The body of the next request, None when the client has left."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
        return await reader.readexactly(int(length or 0))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
