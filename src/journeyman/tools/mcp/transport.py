"""HTTP to an MCP server: every address is checked and then connected to as checked; what went wrong is remembered."""

import ssl
from collections.abc import AsyncIterator

import httpx2

from journeyman import __version__
from journeyman.egress.addresses import AddressPolicy
from journeyman.egress.pinned import AddressRefused, checked

_MOST_ADDRESSES = 4
_MOST_BODY = 64 << 20
_HEADERS = {"User-Agent": f"Journeyman/{__version__}"}


class CheckedTransport(httpx2.AsyncBaseTransport):
    """`status` is the last answer's that was an error, `problem` why there was none."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._inner = httpx2.AsyncHTTPTransport(verify=ssl.create_default_context())
        self.status: int | None = None
        self.problem: str | None = None

    def forget(self) -> None:
        """What went wrong so far."""
        self.status = self.problem = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._answer(request)
        except httpx2.HTTPError as error:
            self.problem = str(error) or type(error).__name__
            raise
        if response.status_code >= 400:
            self.status = response.status_code
        if response.headers.get("content-type", "").startswith("application/json"):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _Limited(response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = (await checked(self._policy, host, port)).results
        except AddressRefused:
            raise httpx2.ConnectError(f"{host} is at a private or reserved address") from None
        except OSError as error:
            raise httpx2.ConnectError(f"{host} has no address: {error.strerror or error}") from error
        failure = httpx2.ConnectError(f"{host} could not be connected to")
        for address in addresses[:_MOST_ADDRESSES]:
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=address["host"]),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = httpx2.ConnectError(f"{host} could not be connected to: {error}")
        raise failure


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > _MOST_BODY:
                raise httpx2.ReadError(f"The answer is larger than {_MOST_BODY >> 20} MB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def http_client(transport: CheckedTransport, authorization: str | None, read_timeout: float) -> httpx2.AsyncClient:
    """Without the surroundings' proxies and netrc."""
    headers = {**_HEADERS, **({"Authorization": authorization} if authorization else {})}
    timeout = httpx2.Timeout(30.0, connect=10.0, read=read_timeout)
    return httpx2.AsyncClient(transport=transport, headers=headers, timeout=timeout, trust_env=False)
