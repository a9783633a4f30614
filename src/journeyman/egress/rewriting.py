"""The requests of one connection, rewritten as they go by; its answers are not looked at. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import h11

from journeyman.egress import opening, request
from journeyman.egress.injection import Body, Headers, Injection, Substitution, into_headers
from journeyman.egress.opening import Speech
from journeyman.egress.policy import same_host

_HEAD = 128 << 10
_WHOLE = 1 << 20
"""Bytes of a body that is held back until it is complete, so that its new length can be said."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Garbled(Exception):
    """What the client sends is not HTTP; the message says why."""


class Step(NamedTuple):
    """What follows from bytes of the client."""

    forward: bytes
    """For the server."""
    reply: bytes = b""
    """For the client."""


class Requests:
    """Of a connection to `host`. What is no HTTP, or ceases to be, goes by as it is."""

    def __init__(self, host: str, injections: Sequence[Injection]) -> None:
        self._host = host
        self._injections = injections
        self._begun = b""
        self._raw: bool | None = None
        self._parser = _parser()
        self._message: _Message | None = None

    def feed(self, data: bytes) -> Step:
        """Raises Garbled."""
        if self._raw is None:
            self._begun += data
            speech = opening.speech(self._begun)
            if speech is None:
                return Step(b"")
            data, self._begun = self._begun, b""
            self._raw = speech is not Speech.HTTP
        if self._raw:
            return Step(data)
        try:
            return self._parse(data)
        except h11.RemoteProtocolError as error:
            raise Garbled(str(error)) from error

    def end(self) -> bytes:
        """What is left when the client has ended."""
        return self._begun

    def _parse(self, data: bytes) -> Step:
        forward, reply = bytearray(), bytearray()
        self._parser.receive_data(data)
        while True:
            event = self._parser.next_event()
            match event:
                case h11.Request():
                    self._message = _Message(event, self._wanted(event))
                    forward += self._message.head()
                    reply += self._message.reply()
                case h11.Data() if self._message is not None:
                    forward += self._message.data(bytes(event.data))
                case h11.EndOfMessage() if self._message is not None:
                    forward += self._message.end(list(event.headers.raw_items()))
                    rest = bytes(self._parser.trailing_data[0])
                    if self._message.upgrades:
                        self._raw = True
                        return Step(bytes(forward) + rest, bytes(reply))
                    self._parser, self._message = _parser(), None
                    if rest:  # nothing would mean that the client has ended
                        self._parser.receive_data(rest)
                case _:
                    return Step(bytes(forward), bytes(reply))

    def _wanted(self, event: h11.Request) -> Sequence[Injection]:
        """Nothing for a request that names another host, or whose answer would repeat it."""
        named = [value for name, value in event.headers if name == b"host"]
        try:
            hosts = request.hosts(b"GET / HTTP/1.1\r\nHost: " + named[0]) if len(named) == 1 else []
        except ValueError:
            hosts = []
        mine = len(hosts) == 1 and same_host(hosts[0], self._host)
        return self._injections if mine and event.target.startswith(b"/") and event.method != b"TRACE" else ()


class _Message:
    """One request on its way."""

    def __init__(self, event: h11.Request, injections: Sequence[Injection]) -> None:
        self._event = event
        headers = list(event.headers.raw_items())
        known = dict(event.headers)
        self.upgrades = b"upgrade" in known
        self._headers: Headers = into_headers(headers, event.target, injections)
        wanted = [each for each in injections if isinstance(each, Substitution) and each.body]
        length = int(known.get(b"content-length", b"0"))
        self._chunked = b"transfer-encoding" in known
        self._body = Body(wanted) if wanted and b"content-encoding" not in known else None
        self._whole = self._body is not None and not self._chunked and 0 < length <= _WHOLE
        self._collected = bytearray()
        if self._body is not None and not self._whole and length and not self._chunked:
            self._headers = [*_without(self._headers, b"content-length"), (b"Transfer-Encoding", b"chunked")]
            self._chunked = True
        self._waits = self._whole and b"expect" in known
        if self._waits:
            self._headers = _without(self._headers, b"expect")

    def head(self) -> bytes:
        return b"" if self._whole else self._head(self._headers)

    def reply(self) -> bytes:
        """A client that waits to be told to send its body is told here: the server has not been asked yet."""
        return _CONTINUE if self._waits else b""

    def data(self, data: bytes) -> bytes:
        if self._whole:
            self._collected += data
            return b""
        return self._framed(data if self._body is None else self._body.push(data))

    def end(self, trailers: Headers) -> bytes:
        if self._whole:
            assert self._body is not None
            body = self._body.push(bytes(self._collected)) + self._body.end()
            headers = _without(self._headers, b"content-length")
            return self._head([*headers, (b"Content-Length", str(len(body)).encode())]) + body
        left = b"" if self._body is None else self._framed(self._body.end())
        return left + (b"0\r\n" + _lines(trailers) + b"\r\n" if self._chunked else b"")

    def _head(self, headers: Headers) -> bytes:
        event = self._event
        first = b"%b %b HTTP/%b\r\n" % (event.method, event.target, event.http_version)
        return first + _lines(headers) + b"\r\n"

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data


def _parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD)


def _lines(headers: Headers) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _without(headers: Headers, name: bytes) -> Headers:
    return [each for each in headers if each[0].lower() != name]
