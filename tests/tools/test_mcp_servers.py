"""Connecting to MCP servers: when it is not done, how long it may take, and a second credential."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from journeyman.egress.addresses import AddressPolicy
from journeyman.tools.mcp.servers import McpRun, McpServers

pytestmark = pytest.mark.anyio

HERE = AddressPolicy.parse(["127.0.0.0/8"])


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/mcp", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


def agent(url: str) -> dict[str, Any]:
    default = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    toolset = {"type": "mcp_toolset", "mcp_server_name": "s", "default_config": default, "configs": []}
    return {"mcp_servers": [{"type": "url", "name": "s", "url": url}], "tools": [toolset]}


async def rpc(request: web.Request, calls: list[str]) -> web.Response:
    """A server of one tool, `wait`, as small as can be; it knows no newer protocol."""
    body = await request.json() if request.method == "POST" else {}
    calls.append(body.get("method", request.method))
    match body.get("method"):
        case "initialize":
            info = {"name": "small", "version": "1"}
            result: Any = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            result = {"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]}
        case "tools/call":
            await asyncio.sleep(30)
            raise web.HTTPInternalServerError
        case "notifications/initialized" | "notifications/cancelled":
            return web.Response(status=202)
        case _:
            return web.Response(status=405)
    return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": result})


async def test_without_servers_nothing_is_done() -> None:
    """Nor is the client's library loaded, by this or by a server that starts."""
    assert await McpRun(McpServers(HERE), []).connect({"mcp_servers": [], "tools": []}, 1) == ()
    script = "import sys, journeyman.app.processes; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_a_server_that_does_not_answer() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise web.HTTPInternalServerError

    async with serving(silent) as url:
        run = McpRun(McpServers(HERE, connect_timeout=0.3), [])
        (problem,) = await run.connect(agent(url), 1)
        assert problem.kind == "mcp_connection_failed_error"
        assert "0.3 s" in problem.message


async def test_a_call_that_takes_too_long() -> None:
    """It ends, and what it did is not known."""
    calls: list[str] = []
    async with serving(lambda request: rpc(request, calls)) as url:
        run = McpRun(McpServers(HERE, call_timeout=0.3), [])
        assert await run.connect(agent(url), 1) == []
        assert await run.connect(agent(url), 1) == ()
        assert [each["name"] for each in run.definitions(agent(url)["tools"])] == ["mcp__s__wait"]
        result, _ = await run.call("s", "wait", {})
        assert result.is_error
        assert calls.count("tools/call") == calls.count("initialize") == 1
        run.close()


async def test_what_is_no_mcp_server() -> None:
    for answer in (web.Response(text="hello"), web.Response(status=500), web.Response(status=404)):

        async def plain(_: web.Request, status: int = answer.status) -> web.Response:
            return web.Response(status=status, text="hello")

        async with serving(plain) as url:
            (problem,) = await McpRun(McpServers(HERE), []).connect(agent(url), 1)
            assert problem.kind == "mcp_connection_failed_error", problem


@pytest.mark.parametrize("status", [401, 403])
async def test_a_credential_that_is_refused_is_asked_for_again_once(status: int) -> None:
    calls: list[str] = []
    asked: list[str | None] = []

    async def authorize(vault_ids: Sequence[str], url: str, *, refused: str | None = None) -> str | None:
        asked.append(refused)
        return "Bearer new" if refused == "Bearer old" else "Bearer old"

    async def guarded(request: web.Request) -> web.Response:
        if request.headers.get("authorization") != "Bearer new":
            return web.Response(status=status)
        return await rpc(request, calls)

    async with serving(guarded) as url:
        run = McpRun(McpServers(HERE, authorize), ["vlt_1"])
        assert await run.connect(agent(url), 1) == []
        assert asked == [None, "Bearer old"]
        run.close()
        (problem,) = await McpRun(McpServers(HERE), []).connect(agent(url), 1)
        assert problem.kind == "mcp_authentication_failed_error"
