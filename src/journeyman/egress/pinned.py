"""Host names to checked addresses, resolved once and pinned."""

import asyncio
import socket
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

from journeyman.egress.addresses import AddressPolicy, is_own


class AddressRefused(Exception):
    """The host is at an address that must not be reached."""


async def checked(policy: AddressPolicy, host: str, port: int) -> "PinnedResolver":
    """Resolve `host` and check every address it has. Raises AddressRefused or OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    results: list[ResolveResult] = []
    for family, _, protocol, _, place in found:
        address = str(place[0])
        if not policy.allows(host, address, own=is_own(address)):
            raise AddressRefused(host)
        results.append(
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        )
    if not results:
        raise OSError(f"{host} has no address")
    return PinnedResolver(host, tuple(results))


@dataclass(frozen=True, slots=True)
class PinnedResolver(AbstractResolver):
    """Answers what was checked before, for that one host: a name cannot change its address in between."""

    host: str
    results: tuple[ResolveResult, ...]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host != self.host:
            raise AddressRefused(host)
        return [{**result, "port": port} for result in self.results if family in {0, result["family"]}]

    async def close(self) -> None:
        """Nothing is held."""
