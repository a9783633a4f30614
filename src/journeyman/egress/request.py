"""The host that an HTTP/1 request is for, read from the bytes that a client sends first. Pure."""

import re
from enum import Enum

MAX_BYTES = 64 << 10
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |$)")
_LINE = re.compile(rb"(\S+)[ \t]+(\S.*?)(?:[ \t]+(HTTP/[\d.]+))?[ \t]*", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


class Kind(Enum):
    HTTP = "HTTP"
    OTHER = "another protocol"
    UNDECIDED = "not enough to tell"


def classify(data: bytes) -> Kind:
    """What a client that begins like this speaks, TLS apart."""
    start = data.lstrip(b"\r\n")
    if not start:
        return Kind.UNDECIDED if len(data) < 64 else Kind.OTHER
    line, ended, _ = start.partition(b"\n")
    if not _TOKEN.match(line.removesuffix(b"\r")) or re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1f]", line):
        return Kind.OTHER
    if not ended:
        return Kind.UNDECIDED if len(line) < MAX_BYTES else Kind.OTHER
    match = _LINE.fullmatch(line.removesuffix(b"\r"))
    if match is None:
        return Kind.OTHER
    is_oldest = match[1].upper() == b"GET" and (match[2].startswith(b"/") or _ABSOLUTE.match(match[2]))
    return Kind.HTTP if match[3] or is_oldest else Kind.OTHER


def head(data: bytes) -> bytes | None:
    """The request line and headers, without the empty line; None while that has not come."""
    start = data.lstrip(b"\r\n")
    ends = [place for place in (start.find(b"\r\n\r\n"), start.find(b"\n\n"), start.find(b"\n\r\n")) if place >= 0]
    line = _LINE.fullmatch(start.partition(b"\n")[0].rstrip(b"\r"))
    if line and not line[3]:  # HTTP/0.9 has no headers
        return start.partition(b"\n")[0]
    return start[: min(ends)] if ends else None


def hosts(head: bytes) -> list[str]:
    """Every host a server could take the request to be for: of the target and of the Host headers, ports apart.

    An empty list: it names none, which only HTTP/1.0 may do. Raises ValueError when a host is missing or garbled.
    """
    first, *lines = head.replace(b"\r", b"").split(b"\n")
    match = _LINE.fullmatch(first)
    if match is None:
        raise ValueError("no request line")
    named = [line.partition(b":")[2] for line in lines if line.partition(b":")[0].strip().lower() == b"host"]
    if not named and (match[3] or b"").upper() != b"HTTP/1.0":
        raise ValueError("no Host header")
    absolute = _ABSOLUTE.match(match[2])
    if absolute:
        named.append(absolute[1].rpartition(b"@")[2])
    elif match[1].upper() == b"CONNECT":
        named.append(match[2])
    return [_without_port(each.strip()) for each in named]


def _without_port(authority: bytes) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s,/@]+)(?::\d*)?", authority.decode("ascii", "replace"))
    if match is None:
        raise ValueError("garbled host")
    return match[1]
