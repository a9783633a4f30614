"""From a host to a connection: every address it has is checked, and one of just these is connected to."""

import asyncio
import socket

from journeyman.egress.addresses import AddressPolicy, is_own
from journeyman.egress.policy import literal
from journeyman.egress.resolver import NoSuchName, Resolver, Unresolved

_SECONDS = 10.0
_TRIES = 4
"""Addresses of a host that are tried."""


class Forbidden(Exception):
    """The host is at an address that must not be reached."""


class Unreachable(Exception):
    """The message says why, for the client."""


async def dial(host: str, port: int, resolver: Resolver, policy: AddressPolicy) -> socket.socket:
    """A connected socket that does not block. Raises Forbidden or Unreachable."""
    addresses = await _addresses(host, resolver)
    if not all(policy.allows(host, address, own=is_own(address)) for address in addresses):
        raise Forbidden(host)
    problem = "no address"
    for address in addresses[:_TRIES]:
        try:
            return await _connect(address, port)
        except TimeoutError:
            problem = f"no answer within {_SECONDS:.0f} s"
        except OSError as error:
            problem = error.strerror or str(error)
    raise Unreachable(f"{host} could not be connected to on port {port}: {problem}.")


async def _addresses(host: str, resolver: Resolver) -> tuple[str, ...]:
    if literal(host):
        return (host,)
    try:
        return await resolver.resolve(host)
    except NoSuchName:
        raise Unreachable(f"{host} does not exist.") from None
    except Unresolved as problem:
        raise Unreachable(f"{host} could not be resolved: {problem}.") from None


async def _connect(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        async with asyncio.timeout(_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection
