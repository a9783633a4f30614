"""One connection to an MCP server. Loads `mcp`, which is slow: imported when a session first needs it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation, PaginatedRequestParams

from journeyman import __version__
from journeyman.egress.addresses import AddressPolicy
from journeyman.tools.mcp.content import tool_result
from journeyman.tools.mcp.port import McpTool, Unauthorized, Unreachable
from journeyman.tools.mcp.transport import CheckedTransport, http_client
from journeyman.tools.port import ToolResult, text_result

_log = logging.getLogger("journeyman.mcp")

_ONLY_SSE = (400, 404, 405, 406, 415, 501)
"""What servers that know nothing but the older transport answer to the newer one."""
_REFUSED = (401, 403)
_MOST_EVENT = 64 << 20
_MOST_PAGES = 50
_GOODBYE = 2.0
"""Seconds for ending the session at the server."""

Transport = Callable[[CheckedTransport], AbstractAsyncContextManager[Any]]


class Connection:
    """Open until `close`. Held by a task of its own, as its parts must end in the task that began them."""

    def __init__(self, policy: AddressPolicy, call_timeout: float) -> None:
        self._transport = CheckedTransport(policy)
        self._timeout = call_timeout
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._holder: asyncio.Task[None] | None = None
        self.tools: Sequence[McpTool] = ()

    @classmethod
    async def open(
        cls, url: str, authorization: str | None, policy: AddressPolicy, *, within: float, call_timeout: float
    ) -> "Connection":
        """Connect and ask for the tools: over Streamable HTTP, else SSE. Times are in seconds.

        Raises Unauthorized, Unreachable.
        """
        first = cls(policy, call_timeout)
        try:
            await first._connect(_streamable(url, authorization, call_timeout), within)
            return first
        except Unreachable:
            if first._transport.status not in _ONLY_SSE:
                raise
            second = cls(policy, call_timeout)
            try:
                await second._connect(_sse(url, authorization, call_timeout), within)
                return second
            except Unreachable:
                pass  # the newer transport's answer says more
            raise

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Raises Unauthorized (then it was not run), Unreachable (then nobody knows)."""
        self._transport.forget()
        session = self._ready.result().session
        try:
            answer = await session.call_tool(name, arguments, read_timeout_seconds=self._timeout)
        except MCPError as error:
            raise_for(self._transport)
            return text_result(f"The MCP server answered with an error: {error}", is_error=True)
        except Exception as error:
            raise_for(self._transport)
            return text_result(f"The MCP server's answer could not be used: {error}", is_error=True)
        content = [block.model_dump(by_alias=True, mode="json", exclude_none=True) for block in answer.content]
        return tool_result(content, answer.structured_content, is_error=bool(answer.is_error))

    def close(self) -> None:
        """Returns at once; the server is told soon after."""
        self._closing.set()

    async def _connect(self, transport: Transport, within: float) -> None:
        self._holder = asyncio.create_task(self._hold(transport))
        try:
            async with asyncio.timeout(within):
                client = await asyncio.shield(self._ready)
                self.tools = await _list(client)
        except BaseException as error:
            self._closing.set()
            if not self._ready.done():
                self._holder.cancel()
            if not isinstance(error, Exception):
                raise
            raise_for(self._transport)
            if isinstance(error, TimeoutError):
                raise Unreachable(f"it did not answer within {within:g} s") from error
            raise Unreachable(f"it does not answer as an MCP server does: {error}") from error

    async def _hold(self, transport: Transport) -> None:
        info = Implementation(name="journeyman", version=__version__)
        try:
            async with contextlib.AsyncExitStack() as stack:
                client = Client(transport(self._transport), cache=None, client_info=info)
                await stack.enter_async_context(client)
                self._ready.set_result(client)
                await self._closing.wait()
                async with asyncio.timeout(_GOODBYE):
                    await stack.aclose()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if self._ready.done():
                _log.debug("a connection to an MCP server ended: %r", error)
            else:
                self._ready.set_exception(_innermost(error))


def raise_for(transport: CheckedTransport) -> None:
    """What the HTTP below says went wrong, if anything. Raises Unauthorized, Unreachable."""
    if transport.status in _REFUSED:
        raise Unauthorized(f"HTTP {transport.status}")
    if transport.problem is not None:
        raise Unreachable(transport.problem)
    if transport.status is not None:
        raise Unreachable(f"it answered HTTP {transport.status}")


async def _list(client: Client) -> Sequence[McpTool]:
    found: list[McpTool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        for tool in page.tools:
            hints = tool.annotations
            repeatable = hints is not None and bool(hints.read_only_hint or hints.idempotent_hint)
            found.append(McpTool(tool.name, tool.description or "", tool.input_schema, repeatable))
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _streamable(url: str, authorization: str | None, read_timeout: float) -> Transport:
    @asynccontextmanager
    async def open_streams(transport: CheckedTransport) -> AsyncGenerator[Any]:
        async with (
            http_client(transport, authorization, read_timeout) as http,
            streamable_http_client(
                _bare(url, authorization), http_client=http, max_sse_event_size=_MOST_EVENT
            ) as streams,
        ):
            yield streams

    return open_streams


def _sse(url: str, authorization: str | None, read_timeout: float) -> Transport:
    @asynccontextmanager
    async def open_streams(transport: CheckedTransport) -> AsyncGenerator[Any]:
        def client(*_: Any, **__: Any) -> httpx2.AsyncClient:
            return http_client(transport, authorization, read_timeout)

        async with sse_client(_bare(url, authorization), httpx_client_factory=client) as streams:
            yield streams

    return open_streams


def _bare(url: str, authorization: str | None) -> str:
    """Without a user name and password, which would stand in the place of the header."""
    parts = urlsplit(url)
    return url if authorization is None else urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _innermost(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        inner: Any = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        error = inner[0]
    return error  # pyright: ignore[reportUnknownVariableType]
