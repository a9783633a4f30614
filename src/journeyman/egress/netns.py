"""The sockets that are opened inside a sandbox's network namespace."""

import contextlib
import errno
import socket

from journeyman.egress.kernel import Nft, enter, everything_is_local, forget_ended_connections
from journeyman.egress.names import NAMESERVER

PLAIN_PORTS = (22, 80, 443)
"""What is listened on where nft is missing; connections to other ports are then refused by the kernel."""
_BACKLOG = 1024
_TABLE = "inet journeyman"


def open_sockets(pidfd: int, nft: Nft | None) -> tuple[list[socket.socket], bool]:
    """Enter the namespace and open them: DNS over UDP, DNS over TCP, then the listeners.

    Also says whether all TCP connections are led to the listeners, whatever their port. Raises OSError.
    """
    enter(pidfd)
    everything_is_local()
    dns = [_bound(socket.SOCK_DGRAM, NAMESERVER, 53), _bound(socket.SOCK_STREAM, NAMESERVER, 53)]
    if nft is not None:
        with contextlib.suppress(OSError):  # a kernel without its modules
            listeners = _redirected(nft)
            forget_ended_connections()
            return dns + listeners, True
    return dns + _plain(), False


def _redirected(nft: Nft) -> list[socket.socket]:
    """Listeners on free ports of loopback, and the rules that lead every connection to them."""
    listeners = [_bound(socket.SOCK_STREAM, "127.0.0.1", 0)]
    with contextlib.suppress(OSError):
        listeners.append(_bound(socket.SOCK_STREAM, "::1", 0))
    families = zip(("ipv4", "ipv6"), listeners, strict=False)
    rules = [
        f"meta nfproto {family} meta l4proto tcp redirect to :{each.getsockname()[1]}" for family, each in families
    ]
    chain = [
        "type nat hook output priority -100; policy accept;",
        "ip daddr 127.0.0.0/8 return",
        "ip6 daddr ::1 return",
        f"ip daddr {NAMESERVER} return",
        *rules,
    ]
    table = "\n".join([f"table {_TABLE} {{", "chain out {", *chain, "}", "}", ""])
    try:
        nft.run(f"create table {_TABLE}\n{table}")
    except OSError:  # an earlier process was here; not tried first, since removing a chain takes 10 ms
        nft.run(f"table {_TABLE}\ndelete table {_TABLE}\n{table}")
    return listeners


def _plain() -> list[socket.socket]:
    """Listeners on every address, one each for the ports that matter; a port that the sandbox took is left to it."""
    listeners: list[socket.socket] = []
    for address in ("0.0.0.0", "::"):
        for port in PLAIN_PORTS:
            try:
                listeners.append(_bound(socket.SOCK_STREAM, address, port))
            except OSError as error:
                if error.errno not in {errno.EADDRINUSE, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                    raise
    return listeners


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind | socket.SOCK_NONBLOCK)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address, port))
    if kind == socket.SOCK_STREAM:
        opened.listen(_BACKLOG)
    return opened
