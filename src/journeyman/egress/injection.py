"""What is put into a request on its way out, so that the sandbox never has it. Pure."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from journeyman.egress.policy import matches, same_host

Headers = Sequence[tuple[bytes, bytes]]
_BASIC = re.compile(rb"(basic +)([A-Za-z0-9+/=]+)", re.IGNORECASE)
_PLAIN_PATH = re.compile(rb"(/[A-Za-z0-9._~@+-]+)+/?")


@dataclass(frozen=True, slots=True)
class Substitution:
    """A secret in the place of what stands for it."""

    placeholder: str
    value: str
    hosts: tuple[str, ...] | None
    """Names, addresses and `*.` wildcards; None: whatever host the sandbox may reach."""
    header: bool
    """In the values of headers, also inside Basic authentication."""
    body: bool

    def concerns(self, host: str) -> bool:
        return self.hosts is None or any(matches(pattern, host) for pattern in self.hosts)


@dataclass(frozen=True, slots=True)
class Login:
    """An Authorization header for all below some paths of one host, in the place of what the client sent."""

    host: str
    paths: tuple[str, ...]
    authorization: str

    def concerns(self, host: str) -> bool:
        return same_host(self.host, host)

    def covers(self, target: bytes) -> bool:
        """Whether a request's target is below the paths, without doubt: dots and escapes could lead elsewhere."""
        path = target.partition(b"?")[0]
        if _PLAIN_PATH.fullmatch(path) is None or {b".", b".."} & set(path.split(b"/")):
            return False
        return any(path == each.encode() or path.startswith(each.encode() + b"/") for each in self.paths)


Injection = Substitution | Login


def injection(fields: Mapping[str, Any]) -> Injection:
    """From what `dataclasses.asdict` made of one. Raises KeyError."""
    if "authorization" in fields:
        return Login(fields["host"], tuple(fields["paths"]), fields["authorization"])
    hosts = fields["hosts"]
    names = None if hosts is None else tuple(hosts)
    return Substitution(fields["placeholder"], fields["value"], names, fields["header"], fields["body"])


def into_headers(headers: Headers, target: bytes, injections: Iterable[Injection]) -> Headers:
    """The headers of a request for `target`, with what belongs into them."""
    found = list(headers)
    for injection in injections:
        if isinstance(injection, Login):
            if injection.covers(target):
                kept = [each for each in found if each[0].lower() != b"authorization"]
                found = [*kept, (b"Authorization", injection.authorization.encode())]
        elif injection.header:
            found = [(name, _into_value(name, value, injection)) for name, value in found]
    return found


class Body:
    """Substitutes in a body that comes in pieces."""

    def __init__(self, substitutions: Sequence[Substitution]) -> None:
        self._pairs = [(each.placeholder.encode(), each.value.encode()) for each in substitutions]
        self._held = b""

    def push(self, data: bytes) -> bytes:
        """What of it can be sent on: all but an end that may be the beginning of a placeholder."""
        data = self._held + data
        for placeholder, value in self._pairs:
            data = data.replace(placeholder, value)
        held = max((_overlap(data, placeholder) for placeholder, _ in self._pairs), default=0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return held


def _into_value(name: bytes, value: bytes, substitution: Substitution) -> bytes:
    placeholder, secret = substitution.placeholder.encode(), substitution.value.encode()
    basic = _BASIC.fullmatch(value) if name.lower() in (b"authorization", b"proxy-authorization") else None
    if basic is None:
        return value.replace(placeholder, secret)
    try:
        login = base64.b64decode(basic[2], validate=True)
    except binascii.Error:
        return value
    return basic[1] + base64.b64encode(login.replace(placeholder, secret))


def _overlap(data: bytes, placeholder: bytes) -> int:
    """How much of the end of `data` begins the placeholder."""
    longest = min(len(data), len(placeholder) - 1)
    return next((size for size in range(longest, 0, -1) if data.endswith(placeholder[:size])), 0)
