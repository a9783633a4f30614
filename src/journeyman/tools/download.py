"""One resource of the web, followed by hand through its redirects, every hop checked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from journeyman import __version__
from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.pinned import AddressRefused, checked

MAX_BYTES = 10_000_000
MAX_REDIRECTS = 10
_SECONDS = 60
"""For all hops together."""
_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10, sock_read=15)
_HEADERS = {
    "User-Agent": f"Journeyman/{__version__}",
    "Accept": "text/html,application/xhtml+xml,text/*;q=0.9,application/pdf;q=0.9,application/json;q=0.9,*/*;q=0.5",
    "Accept-Language": "en, *;q=0.5",
}


class FetchError(Exception):
    """A fetch that failed; `code` is the wire's error code, the message is for the model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} — {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Download:
    url: str
    """Where the redirects ended."""
    content_type: str
    charset: str | None
    body: bytes
    cut: bool
    """There was more than MAX_BYTES."""


async def download(url: URL, policy: AddressPolicy, gate: Callable[[URL], None]) -> Download:
    """Get `url`; `gate` raises FetchError for a URL that the rules forbid. Raises FetchError."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await _follow(url, policy, gate)
    except TimeoutError:
        raise FetchError("url_not_accessible", f"{url} could not be fetched within {_SECONDS} s") from None


async def _follow(url: URL, policy: AddressPolicy, gate: Callable[[URL], None]) -> Download:
    for _ in range(MAX_REDIRECTS + 1):
        _check_form(url)
        gate(url)
        answer = await _request(url, policy)
        if isinstance(answer, Download):
            return answer
        url = answer
    raise FetchError("url_not_accessible", f"more than {MAX_REDIRECTS} redirects, the last to {url}")


def _check_form(url: URL) -> None:
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise FetchError("invalid_tool_input", f"{url} is not an http or https URL with a host")
    if url.user or url.password:
        raise FetchError("invalid_tool_input", "a URL with a user name or password in it cannot be fetched")


async def _request(url: URL, policy: AddressPolicy) -> "Download | URL":
    """One hop: the content, or where it redirects to."""
    host = url.raw_host or ""
    try:
        resolver = await checked(policy, host, url.port or 443)
        async with (
            aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True) as connector,
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT, headers=_HEADERS
            ) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return await _answer(url, response)
    except AddressRefused:
        raise FetchError(
            "url_not_allowed", f"{host} is at a private or reserved address, which web_fetch does not reach"
        ) from None
    except TimeoutError:
        raise FetchError("url_not_accessible", f"{host} did not answer in time") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise FetchError("url_not_accessible", f"{host} has no valid TLS certificate: {error}") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FetchError("url_not_accessible", f"{host} could not be reached: {error}") from error


async def _answer(url: URL, response: aiohttp.ClientResponse) -> Download | URL:
    location = response.headers.get("Location")
    if response.status in {301, 302, 303, 307, 308} and location:
        return url.join(URL(location))
    if response.status == 429:
        raise FetchError("too_many_requests", f"{url.host} limits how often it is asked; wait, or use another source")
    if response.status >= 400:
        raise FetchError("url_not_accessible", f"{url.host} answered HTTP {response.status} {response.reason or ''}")
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MAX_BYTES:
            break
    return Download(
        str(url),
        response.content_type if "Content-Type" in response.headers else "",
        response.charset,
        bytes(body[:MAX_BYTES]),
        cut=len(body) > MAX_BYTES,
    )
