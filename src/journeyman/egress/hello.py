"""A TLS ClientHello's server name and protocols, read from the bytes that a client sends first. Pure."""

from dataclasses import dataclass

MAX_BYTES = 64 << 10
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_HOST_NAME = 0
_PROTOCOLS = 16


class Malformed(Exception):
    """Not a ClientHello."""


class Incomplete(Exception):
    """So far nothing is wrong, but bytes are missing."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    server_name: str | None
    """As it was spelled; None when the client named no host."""
    protocols: tuple[str, ...] = ()
    """What the client can speak inside (ALPN), if it says so."""


def is_tls(data: bytes) -> bool:
    """Whether a client that begins like this speaks TLS."""
    return data[:2] == b"\x16\x03"[: len(data[:2])]


def parse(data: bytes) -> ClientHello:
    """Read it from its records. Raises Incomplete or Malformed."""
    message = _Reader(_handshake(data))
    try:
        message.take(4)
        message.take(2 + 32)  # version and random
        message.take(message.number(1))  # session id
        message.take(message.number(2))  # cipher suites
        message.take(message.number(1))  # compression methods
        extensions = _Reader(message.take(message.number(2))) if message.left else _Reader(b"")
        return _read(extensions)
    except IndexError:
        raise Malformed from None


def _handshake(data: bytes) -> bytes:
    """The whole ClientHello message, out of as many records as it came in."""
    message, place = b"", 0
    while True:
        if len(message) >= 4:
            if message[0] != _CLIENT_HELLO:
                raise Malformed
            size = 4 + int.from_bytes(message[1:4], "big")
            if size > MAX_BYTES:
                raise Malformed
            if len(message) >= size:
                return message[:size]
        header = data[place : place + 5]
        if header and (header[0] != _HANDSHAKE or header[1:2] not in (b"", b"\x03")):
            raise Malformed
        length = int.from_bytes(header[3:5], "big")
        if len(header) == 5 and not length:
            raise Malformed
        if len(header) < 5 or len(data) < place + 5 + length:
            raise Incomplete
        message += data[place + 5 : place + 5 + length]
        place += 5 + length


def _read(extensions: "_Reader") -> ClientHello:
    name: str | None = None
    protocols: tuple[str, ...] = ()
    while extensions.left:
        kind = extensions.number(2)
        body = _Reader(extensions.take(extensions.number(2)))
        if kind == _SERVER_NAME:
            if name is not None:
                raise Malformed
            name = _server_name(body)
        elif kind == _PROTOCOLS:
            protocols = _protocols(body)
    return ClientHello(name, protocols)


def _server_name(body: "_Reader") -> str:
    names = _Reader(body.take(body.number(2)))
    if names.number(1) != _HOST_NAME:
        raise Malformed
    found = names.take(names.number(2)).decode("ascii", "replace")
    if names.left or body.left:
        raise Malformed
    return found


def _protocols(body: "_Reader") -> tuple[str, ...]:
    names, found = _Reader(body.take(body.number(2))), list[str]()
    while names.left:
        found.append(names.take(names.number(1)).decode("ascii", "replace"))
    return tuple(found)


class _Reader:
    """Takes bytes from the front; IndexError when there are not as many."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._place

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise IndexError
        self._place += count
        return self._data[self._place - count : self._place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")
