"""What a client's first bytes say, and whether they agree with the host it is connected to. Pure."""

from enum import Enum

from journeyman.egress import hello, request
from journeyman.egress.policy import Allowed, Refused, literal, same_host

MAX_BYTES = max(hello.MAX_BYTES, request.MAX_BYTES) + 8192


Verdict = Allowed | Refused
NOTHING_SAID = Allowed()
"""A client that ends without a word asked for nothing that it must not have."""


class Speech(Enum):
    TLS = "TLS"
    HTTP = "HTTP"
    OTHER = "other"


def speech(data: bytes) -> Speech | None:
    """What the client speaks; None while that cannot be told."""
    if not data:
        return None
    if hello.is_tls(data):
        return Speech.TLS
    kind = request.classify(data)
    if kind is request.Kind.UNDECIDED:
        return None
    return Speech.HTTP if kind is request.Kind.HTTP else Speech.OTHER


def server_name(data: bytes) -> str | None:
    """Of a TLS client. Raises hello.Incomplete or hello.Malformed."""
    return hello.parse(data).server_name


def check(data: bytes, host: str) -> Verdict | None:
    """Whether a client connected to `host` says so in what it sends first; None while that cannot be told."""
    spoken = speech(data)
    if spoken is Speech.TLS:
        return _check_tls(data, host)
    if spoken is Speech.HTTP:
        return _check_http(data, host)
    if spoken is None:
        return None if len(data) < MAX_BYTES else Refused(f"What was sent to {host} could not be understood.")
    return Allowed()


def _check_tls(data: bytes, host: str) -> Verdict | None:
    try:
        name = server_name(data)
    except hello.Incomplete:
        return None if len(data) < MAX_BYTES else Refused(f"The TLS greeting sent to {host} is too long.")
    except hello.Malformed:
        return Refused(f"The TLS greeting sent to {host} is malformed.")
    if name is None:
        # An address cannot be a server name, so clients send none for it.
        return Allowed() if literal(host) else Refused(f"A TLS connection to {host} must name it (SNI) and named none.")
    return Allowed() if same_host(name, host) else _other(name, host)


def _check_http(data: bytes, host: str) -> Verdict | None:
    head = request.head(data)
    if head is None:
        return None if len(data) < MAX_BYTES else Refused(f"The HTTP request sent to {host} has too long a head.")
    try:
        named = request.hosts(head)
    except ValueError as problem:
        return Refused(f"The HTTP request sent to {host} has {problem}, so it cannot be checked.")
    return next((_other(name, host) for name in named if not same_host(name, host)), Allowed())


def _other(name: str, host: str) -> Refused:
    name = name[:253]
    return Refused(
        f"{name} was asked for over a connection to {host}. Connect to {name} itself; "
        "it must be in the environment's config.networking.allowed_hosts."
    )
