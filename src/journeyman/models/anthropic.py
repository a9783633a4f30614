"""The Anthropic Messages API, at any base URL.

Plain aiohttp instead of the official client: the same request costs a fraction of the CPU time.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp
import orjson

from journeyman.models.errors import body_error, broken_stream, connection_error, event_error, misconfigured
from journeyman.models.json_object import decode
from journeyman.models.messages_request import beta_features, messages_body
from journeyman.models.port import JsonObject, ModelCard, ModelError, ModelRequest
from journeyman.models.sse import EventDecoder

ANTHROPIC_URL = "https://api.anthropic.com"
_API_VERSION = "2023-06-01"
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class AnthropicModel:
    """One upstream that speaks the Messages API; its connections are shared by all requests.

    `idle_timeout` (seconds) limits the wait for the next bytes, the first ones included, not the whole answer.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        *,
        connect_timeout: float = 10.0,
        idle_timeout: float = 300.0,
        proxy: str | None = None,
    ) -> None:
        self._base_url = (base_url or ANTHROPIC_URL).rstrip("/").removesuffix("/v1")
        self._api_key = api_key
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=idle_timeout)
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
        """The events of one answer; keep-alive pings are left out. Raises ModelError."""
        response = await self._open(request)
        decoder = EventDecoder()
        try:
            async for piece in response.content.iter_any():
                for data in decoder.feed(piece):
                    event = _event(data)
                    if event is None:
                        continue
                    yield event
                    if event["type"] == "message_stop":
                        await _read_to_end(response)
                        return
        except _BROKEN as error:
            raise broken_stream(str(error) or type(error).__name__) from error
        finally:
            response.close()
        raise broken_stream("it ended without message_stop")

    async def list(self) -> list[ModelCard]:
        """The models of `GET /v1/models`; none when the upstream has no such list. Raises ModelError."""
        cards: list[ModelCard] = []
        query = {"limit": "1000"}
        while True:
            page = await self._get("/v1/models", query)
            items: list[JsonObject] = page.get("data") or []
            cards += [_card(item) for item in items]
            last = page.get("last_id")
            if not page.get("has_more") or not last:
                return cards
            query["after_id"] = last

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"anthropic-version": _API_VERSION, "accept-encoding": "identity", "user-agent": "journeyman"}
            if self._api_key:
                headers["x-api-key"] = self._api_key
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
                timeout=self._timeout,
            )
        return self._session

    async def _open(self, request: ModelRequest) -> aiohttp.ClientResponse:
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if betas := beta_features(request):
            headers["anthropic-beta"] = ",".join(betas)
        body = orjson.dumps(messages_body(request))
        response = await self._send("POST", "/v1/messages", data=body, headers=headers)
        if response.content_type in ("text/html", "application/json"):
            response.close()
            raise misconfigured(
                f"{self._base_url} answered with {response.content_type} instead of an event stream. "
                "Check the base_url configured for this model."
            )
        return response

    async def _get(self, path: str, query: Mapping[str, str]) -> JsonObject:
        try:
            response = await self._send("GET", path, params=query)
        except ModelError as error:
            if error.status == 404:
                return {}
            raise
        try:
            return decode(await response.read()) or {}
        except _BROKEN as error:
            raise connection_error(error) from error
        finally:
            response.close()

    async def _send(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        """The response, once its status is known to be 200. Redirects would carry the key elsewhere: refused."""
        try:
            response = await self._http().request(
                method, self._base_url + path, allow_redirects=False, proxy=self._proxy, **options
            )
        except (aiohttp.InvalidURL, aiohttp.ClientConnectorCertificateError) as error:
            raise misconfigured(f"{self._base_url} cannot be used as a model provider: {error}") from error
        except _BROKEN as error:
            raise connection_error(error) from error
        if response.status == 200:
            return response
        try:
            body = await response.read()
        except _BROKEN:
            body = b""
        finally:
            response.close()
        raise body_error(response.status, body, response.headers)


def _event(data: bytes) -> JsonObject | None:
    """The event in an SSE message, None for one that is no part of the answer. Raises ModelError."""
    event = decode(data)
    if event is None or "type" not in event:
        raise broken_stream(f"{data[:200]!r} is not an event")
    if event["type"] == "error":
        raise event_error(event.get("error"))
    return None if event["type"] == "ping" else event


async def _read_to_end(response: aiohttp.ClientResponse) -> None:
    """Let the connection go back to the pool; a server that holds it open only loses it."""
    with contextlib.suppress(*_BROKEN):
        async with asyncio.timeout(1):
            await response.content.read()


def _card(item: JsonObject) -> ModelCard:
    return ModelCard(
        id=item["id"],
        display_name=item.get("display_name") or item["id"],
        created_at=item.get("created_at") or "1970-01-01T00:00:00Z",
        max_input_tokens=item.get("max_input_tokens"),
        max_tokens=item.get("max_tokens"),
        raw=item,
    )
