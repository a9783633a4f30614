"""A connection whose requests are rewritten on their way; inside TLS by speaking it to both sides."""

import asyncio
import socket
import ssl
from collections.abc import Sequence

from journeyman.egress import hello, opening
from journeyman.egress.authority import Contexts
from journeyman.egress.injection import Injection
from journeyman.egress.opening import Speech
from journeyman.egress.refusal import Refusal, refuse
from journeyman.egress.rewriting import Garbled, Requests
from journeyman.egress.streams import Plain, Stream, Tls

_HANDSHAKE = 15.0
_IDLE = 4 * 3600.0
"""Seconds without a byte from one side, after which a connection is given up."""
_GARBLED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def can_be_read(said: bytes) -> bool:
    """Whether a client that begins like this speaks HTTP/1, perhaps inside TLS."""
    spoken = opening.speech(said)
    if spoken is not Speech.TLS:
        return spoken is Speech.HTTP
    try:
        protocols = hello.parse(said).protocols
    except (hello.Incomplete, hello.Malformed):
        return False
    return not protocols or "http/1.1" in protocols


async def intercept(
    client: socket.socket,
    upstream: socket.socket,
    said: bytes,
    host: str,
    injections: Sequence[Injection],
    contexts: Contexts,
    trusted: ssl.SSLContext,
) -> None:
    """Serve a client that `can_be_read`, until both sides have ended. Closes neither. Raises OSError."""
    try:
        inner, outer = await _speak(client, upstream, said, host, contexts, trusted)
    except ssl.SSLCertVerificationError as error:
        reason = f"{host} has no certificate that can be trusted: {error.verify_message}"
        await refuse(client, said, host, Refusal(502, reason), contexts)
        return
    requests = Requests(host, injections)
    async with asyncio.TaskGroup() as both:
        down = both.create_task(_down(outer, inner))
        up = both.create_task(_up(inner, outer, requests))
        up.add_done_callback(lambda ended: down.cancel() if not ended.cancelled() and ended.exception() else None)


async def _speak(
    client: socket.socket, upstream: socket.socket, said: bytes, host: str, contexts: Contexts, trusted: ssl.SSLContext
) -> tuple[Stream, Stream]:
    """The client's side and the server's."""
    if opening.speech(said) is not Speech.TLS:
        return Plain(client, said), Plain(upstream)
    async with asyncio.timeout(_HANDSHAKE):
        outer = Tls(upstream, trusted, server=host)
        await outer.handshake()
        inner = Tls(client, contexts.speak_for(host), said)
        await inner.handshake()
    return inner, outer


async def _up(inner: Stream, outer: Stream, requests: Requests) -> None:
    while data := await _read(inner):
        try:
            step = requests.feed(data)
        except Garbled:
            await inner.write(_GARBLED)
            await inner.finish()
            raise ConnectionAbortedError("garbled") from None
        if step.reply:
            await inner.write(step.reply)
        if step.forward:
            await outer.write(step.forward)
    if left := requests.end():
        await outer.write(left)
    await outer.finish()


async def _down(outer: Stream, inner: Stream) -> None:
    while data := await _read(outer):
        await inner.write(data)
    await inner.finish()


async def _read(stream: Stream) -> bytes:
    async with asyncio.timeout(_IDLE):
        return await stream.read()
