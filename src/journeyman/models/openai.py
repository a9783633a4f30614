"""Any server that speaks OpenAI Chat Completions, through the official client.

The client is an optional extra and slow to import, so it is loaded with the first request, off the event loop.
"""

import asyncio
import importlib
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from journeyman.models.chat_events import ChatEvents
from journeyman.models.chat_request import OPTIONAL_PARAMETERS, chat_parameters
from journeyman.models.errors import body_error, broken_stream, connection_error, event_error, misconfigured
from journeyman.models.json_object import decode
from journeyman.models.port import JsonObject, ModelCard, ModelError, ModelRequest
from journeyman.models.sse import EventDecoder

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncAPIResponse, AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

    ChunkResponse = AsyncAPIResponse[AsyncStream[ChatCompletionChunk]]

OPENAI_URL = "https://api.openai.com/v1"
_NOT_TAKEN = re.compile(r"un(known|supported|recogni[sz]ed|expected)|not (support|permit|allow)|extra", re.IGNORECASE)


class OpenAIModel:
    """One upstream; its connections are shared by all requests.

    `idle_timeout` (seconds) limits the wait for the next bytes, the first ones included, not the whole answer.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        *,
        connect_timeout: float = 10.0,
        idle_timeout: float = 300.0,
    ) -> None:
        self._base_url = (base_url or OPENAI_URL).rstrip("/")
        self._api_key = api_key or "none"
        self._connect_timeout = connect_timeout
        self._idle_timeout = idle_timeout
        self._client: AsyncOpenAI | None = None
        self._not_taken: dict[str, frozenset[str]] = {}
        """Optional parameters that the server refused, by model id."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
        """The events of one answer, translated. Raises ModelError."""
        client = await self._openai()
        import httpx2  # noqa: PLC0415 - comes with the client

        events, decoder = ChatEvents(request.model), EventDecoder()
        async with AsyncExitStack() as stack:
            response = await self._open(client, request, stack)
            try:
                async for piece in response.iter_bytes():
                    for data in decoder.feed(piece):
                        for event in events.feed(_chunk(data)):
                            yield event
            except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
                raise broken_stream(str(error) or type(error).__name__) from error
        for event in events.end():
            yield event

    async def list(self) -> list[ModelCard]:
        """The models of `GET /models`; none when the upstream has no such list. Raises ModelError."""
        client = await self._openai()
        import openai  # noqa: PLC0415 - slow

        try:
            return [
                ModelCard(model.id, model.id, f"{datetime.fromtimestamp(model.created or 0, UTC):%Y-%m-%dT%H:%M:%SZ}")
                async for model in client.models.list()
            ]
        except openai.NotFoundError:
            return []
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except openai.OpenAIError as error:
            raise connection_error(error) from error

    async def close(self) -> None:
        """Release connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _openai(self) -> "AsyncOpenAI":
        if self._client is not None:
            return self._client
        try:
            await asyncio.to_thread(importlib.import_module, "openai")
            import httpx2  # noqa: PLC0415
            import openai  # noqa: PLC0415
        except ImportError as error:
            raise misconfigured(
                "Models of this protocol need the openai package: pip install 'journeyman[openai]'"
            ) from error
        if self._client is None:
            timeout = httpx2.Timeout(self._idle_timeout, connect=self._connect_timeout, pool=None)
            self._client = openai.AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key,
                timeout=timeout,
                # The runtime retries, where it can record it.
                max_retries=0,
            )
        return self._client

    async def _open(self, client: "AsyncOpenAI", request: ModelRequest, stack: AsyncExitStack) -> "ChunkResponse":
        """The response, asked for again without what this server turns out not to take."""
        import openai  # noqa: PLC0415 - slow

        while True:
            without = self._not_taken.get(request.model, frozenset())
            parameters = chat_parameters(request, without)
            answer = client.chat.completions.with_streaming_response.create(stream=True, **parameters)
            try:
                return await stack.enter_async_context(answer)
            except openai.APIStatusError as error:
                refused = _refused_parameter(error, parameters)
                if refused is None:
                    raise _status_error(error) from error
                self._not_taken[request.model] = without | {refused}
            except openai.APIConnectionError as error:
                raise connection_error(error.__cause__ or error) from error


def _chunk(data: bytes) -> JsonObject:
    """The chunk in an SSE message, empty for the end mark. Raises ModelError."""
    if data == b"[DONE]":
        return {}
    chunk = decode(data)
    if chunk is None:
        raise broken_stream(f"{data[:200]!r} is not a chunk")
    if chunk.get("error"):
        raise event_error(chunk["error"])
    return chunk


def _status_error(error: "APIStatusError") -> ModelError:
    return body_error(error.status_code, error.response.content, error.response.headers)


def _refused_parameter(error: "APIStatusError", parameters: JsonObject) -> str | None:
    """The optional parameter that a 400 or 422 says the server does not know.

    An unsupported *value* is not one: dropping the parameter would silently do something else than was asked.
    """
    if error.status_code not in (400, 422) or error.code == "unsupported_value":
        return None
    if not _NOT_TAKEN.search(error.message):
        return None
    named = [name for name in OPTIONAL_PARAMETERS if name in parameters and name in error.message]
    return named[0] if named else None
