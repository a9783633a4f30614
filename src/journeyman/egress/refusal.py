"""Saying no in a way that the client understands: a plain HTTP answer, inside TLS if it speaks TLS, else a reset."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Literal

from journeyman.egress import hello, opening, request
from journeyman.egress.authority import Contexts
from journeyman.egress.opening import Speech
from journeyman.egress.streams import Tls

_SILENCE = 10.0
"""Seconds in which a client must have said what it speaks."""
_DRAIN = 5.0
_DRAIN_BYTES = 16 << 20
"""What a client may still send, so that it gets to read the answer before its connection ends."""
_STATUS = {403: "Forbidden", 502: "Bad Gateway"}


@dataclass(frozen=True, slots=True)
class Refusal:
    status: Literal[403, 502]
    reason: str

    def response(self) -> bytes:
        body = f"{self.reason}\n".encode()
        head = (
            f"HTTP/1.1 {self.status} {_STATUS[self.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


def reset(connection: socket.socket) -> None:
    """Break it off: the other side gets a reset."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def refuse(client: socket.socket, said: bytes, host: str, refusal: Refusal, contexts: Contexts) -> None:
    """Answer a client that has `said` so much already, and close its connection."""
    try:
        async with asyncio.timeout(_SILENCE):
            speech, said = await _listen(client, said)
            if speech is Speech.HTTP:
                await _answer_http(client, said, refusal)
            elif speech is Speech.TLS:
                await _answer_tls(client, said, host, refusal, contexts)
            else:
                reset(client)
                return
        async with asyncio.timeout(_DRAIN):
            await _drain(client)
    except (OSError, EOFError, ValueError, hello.Malformed):  # TimeoutError and SSLError are OSErrors
        reset(client)
    finally:
        client.close()


async def _listen(client: socket.socket, said: bytes) -> tuple[Speech, bytes]:
    while (speech := opening.speech(said)) is None:
        said += await _receive(client)
    return speech, said


async def _answer_http(client: socket.socket, said: bytes, refusal: Refusal) -> None:
    while request.head(said) is None:
        said += await _receive(client)
        _check_size(said)
    await asyncio.get_running_loop().sock_sendall(client, refusal.response())
    client.shutdown(socket.SHUT_WR)


async def _answer_tls(client: socket.socket, said: bytes, host: str, refusal: Refusal, contexts: Contexts) -> None:
    while True:
        try:
            name = opening.server_name(said)
            break
        except hello.Incomplete:
            said += await _receive(client)
            _check_size(said)
    tls = Tls(client, contexts.speak_for(name or host), said)
    await tls.handshake()
    asked = b""
    while request.head(asked) is None:
        received = await tls.read()
        asked += received
        _check_size(asked)
        if not received or opening.speech(asked) is Speech.OTHER:
            raise EOFError
    await tls.write(refusal.response())
    await tls.finish()


async def _drain(client: socket.socket) -> None:
    left = _DRAIN_BYTES
    while left > 0:
        received = await asyncio.get_running_loop().sock_recv(client, 65_536)
        if not received:
            return
        left -= len(received)


async def _receive(client: socket.socket) -> bytes:
    received = await asyncio.get_running_loop().sock_recv(client, 16_384)
    if not received:
        raise EOFError
    return received


def _check_size(said: bytes) -> None:
    if len(said) > opening.MAX_BYTES:
        raise ValueError("too long")
