"""The MCP servers of a session, connected to for one run: from idle to running and back."""

import asyncio
import importlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from journeyman.egress.addresses import AddressPolicy
from journeyman.tools.mcp import offers
from journeyman.tools.mcp.content import without
from journeyman.tools.mcp.offers import Offered
from journeyman.tools.mcp.port import Authorize, McpProblem, Unauthorized, Unreachable
from journeyman.tools.port import ToolResult, text_result
from journeyman.tools.registry import ResolvedTool

if TYPE_CHECKING:
    from journeyman.tools.mcp.connection import Connection

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.mcp")

_UNKNOWN = "Whether the call had an effect is not known: check before repeating it."


class McpServers:
    """How servers are connected to; one serves all sessions."""

    def __init__(
        self,
        addresses: AddressPolicy,
        authorize: Authorize | None = None,
        *,
        connect_timeout: float = 20.0,
        call_timeout: float = 300.0,
    ) -> None:
        """Times are in seconds. Without `authorize` servers are asked without credentials."""
        self._addresses = addresses
        self._authorize = authorize
        self._within = connect_timeout
        self._call_timeout = call_timeout

    async def open(self, vault_ids: Sequence[str], url: str, *, refused: str | None = None) -> "Opened":
        """Raises Unauthorized, Unreachable."""
        # In a thread: it takes most of a second.
        connection = (await asyncio.to_thread(importlib.import_module, "journeyman.tools.mcp.connection")).Connection
        header = await self._header(vault_ids, url, refused)
        try:
            return Opened(await self._connect(connection, url, header), header)
        except Unauthorized:
            if header is None:
                raise
            other = await self._header(vault_ids, url, header)
            if other is None or refused is not None:
                raise
            return Opened(await self._connect(connection, url, other), other)

    async def _connect(self, connection: Any, url: str, header: str | None) -> "Connection":
        return await connection.open(url, header, self._addresses, within=self._within, call_timeout=self._call_timeout)

    async def _header(self, vault_ids: Sequence[str], url: str, refused: str | None) -> str | None:
        if self._authorize is None or not vault_ids:
            return None
        try:
            return await self._authorize(vault_ids, url, refused=refused)
        except Exception as error:
            _log.warning("a credential for an MCP server could not be had: %r", error)
            raise Unauthorized("its credential could not be read") from error


class Opened:
    """A connection and the header that it was made with."""

    def __init__(self, connection: "Connection", header: str | None) -> None:
        self.connection = connection
        self.header = header


class McpRun:
    """One session's connections."""

    def __init__(self, servers: McpServers | None, vault_ids: Sequence[str]) -> None:
        self._servers = servers
        self._vault_ids = vault_ids
        self._key: int | None = None
        self._urls: dict[str, str] = {}
        self._opened: dict[str, Opened] = {}
        self._tools: list[JsonObject] = []

    async def connect(self, agent: JsonObject, key: int) -> Sequence[McpProblem]:
        """Connect to the agent's servers unless that was done for the run `key`; those that the run goes on without."""
        wanted: Sequence[JsonObject] = agent.get("mcp_servers") or ()
        if not wanted or self._servers is None or self._key == key:
            return ()
        self.close()
        self._urls = {server["name"]: server["url"] for server in wanted}
        self._tools = agent["tools"]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._open(name)) for name in self._urls]
        self._key = key
        return [problem for task in tasks if (problem := task.result()) is not None]

    def definitions(self, agent_tools: Sequence[JsonObject]) -> list[JsonObject]:
        """What the model is offered: the enabled tools of the servers that are connected."""
        return [
            offers.definition(name, tool)
            for name, (server, tool) in offers.names(self._found()).items()
            if offers.resolve(agent_tools, server, tool.name).kind == "mcp"
        ]

    def find(self, agent_tools: Sequence[JsonObject], name: str) -> tuple[Offered, ResolvedTool] | None:
        """What the model means by a name, None when it is none of the servers'."""
        found = offers.names(self._found()).get(name)
        if found is not None:
            server, tool = found
            return Offered(server, tool.name, tool.repeatable), offers.resolve(agent_tools, server, tool.name)
        meant = offers.server_meant(name, list(self._urls))
        if meant is None:
            return None
        return Offered(*meant), ResolvedTool("unknown", "always_deny", {})

    def is_repeatable(self, server: str, name: str) -> bool:
        return any(tool.repeatable for tool in self._found().get(server, ()) if tool.name == name)

    async def call(self, server: str, name: str, arguments: JsonObject) -> tuple[ToolResult, McpProblem | None]:
        """The result, and what is to be said of the server."""
        opened = self._opened.get(server)
        if opened is None:
            return text_result(f"The MCP server {server} is not connected. The tool was not run.", is_error=True), None
        try:
            result = await self._call(server, opened, name, arguments)
            return without(result, self._opened[server].header), None
        except Unauthorized as error:
            self._drop(server)
            text = f"The MCP server {server} refused the call's credential ({error}). The tool was not run."
            return text_result(text, is_error=True), _refused(server, error)
        except Unreachable as error:
            self._drop(server)
            text = f"The connection to the MCP server {server} failed: {error}. {_UNKNOWN}"
            return text_result(text, is_error=True), _failed(server, error)

    def close(self) -> None:
        """Returns at once."""
        for opened in self._opened.values():
            opened.connection.close()
        self._opened, self._key = {}, None

    async def _call(self, server: str, opened: Opened, name: str, arguments: JsonObject) -> ToolResult:
        try:
            return await opened.connection.call(name, arguments)
        except Unauthorized:
            if self._servers is None or opened.header is None:
                raise
        self._drop(server)
        again = await self._servers.open(self._vault_ids, self._urls[server], refused=opened.header)
        self._opened[server] = again
        return await again.connection.call(name, arguments)

    async def _open(self, server: str) -> McpProblem | None:
        assert self._servers is not None
        try:
            self._opened[server] = await self._servers.open(self._vault_ids, self._urls[server])
        except Unauthorized as error:
            return _refused(server, error)
        except Unreachable as error:
            return _failed(server, error)
        except Exception:
            _log.exception("an MCP server could not be connected to")
            return _failed(server, Unreachable("unexpectedly"))
        return None

    def _drop(self, server: str) -> None:
        opened = self._opened.pop(server, None)
        if opened is not None:
            opened.connection.close()

    def _found(self) -> dict[str, Any]:
        return {name: self._opened[name].connection.tools for name in self._urls if name in self._opened}


def _refused(server: str, error: Unauthorized) -> McpProblem:
    text = f"The MCP server {server} requires authentication, or refused the credential: {error}."
    return McpProblem(server, "mcp_authentication_failed_error", text)


def _failed(server: str, error: Unreachable) -> McpProblem:
    return McpProblem(
        server, "mcp_connection_failed_error", f"The MCP server {server} could not be connected to: {error}."
    )
