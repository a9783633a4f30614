"""HTTP requests to hosts that a client has named: each address is checked, no redirect is followed, answers are cut."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp
from yarl import URL

from journeyman import __version__
from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.pinned import AddressRefused, checked

_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
MAX_BYTES = 8192


class NoAnswer(Exception):
    """The host could not be reached, must not be, or did not answer in time."""


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes
    """At most MAX_BYTES."""
    cut: bool
    headers: Mapping[str, str]
    addresses: tuple[str, ...] = ()
    """Those that the host was checked to have."""


async def post(url: str, policy: AddressPolicy, headers: Mapping[str, str], **body: Any) -> Answer:
    """`body` is `data` or `json` as aiohttp takes it. Raises NoAnswer."""
    return await _ask("POST", url, policy, headers, body)


async def get(url: str, policy: AddressPolicy, headers: Mapping[str, str]) -> Answer:
    """Raises NoAnswer."""
    return await _ask("GET", url, policy, headers, {})


async def _ask(
    method: str, url: str, policy: AddressPolicy, headers: Mapping[str, str], body: Mapping[str, Any]
) -> Answer:
    target = URL(url)
    host = target.raw_host or ""
    try:
        resolver = await checked(policy, host, target.port or 443)
        async with (
            aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True) as connector,
            aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, headers=_own(headers)) as session,
            session.request(method, target, allow_redirects=False, **body) as response,
        ):
            read = await _read(response)
            answer, cut = read[:MAX_BYTES], len(read) > MAX_BYTES
            addresses = tuple(str(each["host"]) for each in resolver.results)
            return Answer(response.status, response.content_type, answer, cut, response.headers, addresses)
    except AddressRefused:
        raise NoAnswer(f"{host} is at a private or reserved address.") from None
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise NoAnswer(f"{host} could not be reached: {error or 'no answer in time'}") from error


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    return {"User-Agent": f"Journeyman/{__version__}", **headers}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > MAX_BYTES:
            break
    return bytes(read)
