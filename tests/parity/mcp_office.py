"""A program: an MCP server with an office's tools. `mcp_office.py DIRECTORY [sse]` prints its URL.

In the directory it keeps a line for each call (`calls`); a file `token` there is what it wants as bearer token.
"""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import EmbeddedResource, ResourceLink, TextResourceContents, ToolAnnotations

TINY = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0cIDAT"
    b"x\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)
"""An image of one pixel."""


def _server(directory: Path) -> Any:
    server = MCPServer("office", log_level="CRITICAL")
    log = directory / "calls"

    def note(text: str) -> None:
        with log.open("a") as file:
            file.write(text + "\n")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        note(f"add {a} {b}")
        return a + b

    @server.tool()
    async def book(room: str) -> str:
        """Book a room."""
        note(f"book {room}")
        return f"{room} is booked"

    @server.tool()
    async def create_pull_request(repository: str, head: str, base: str, title: str) -> str:
        """Propose that a branch be merged."""
        note(f"pull request {repository} {head} {base} {title}")
        return f"opened {repository}/pull/1"

    @server.tool(name="files.show", structured_output=False)
    async def show() -> list[Any]:
        """Show what there is."""
        page = TextResourceContents(uri="file:///page.txt", mime_type="text/plain", text="the page")
        link = ResourceLink(type="resource_link", name="more", uri="file:///more.txt")
        return ["look", Image(data=TINY, format="png"), EmbeddedResource(type="resource", resource=page), link]

    @server.tool()
    async def recite() -> str:
        """Very much text."""
        return "word " * 30_000

    @server.tool()
    async def fail() -> str:
        """Never works."""
        raise ToolError("out of paper")

    @server.tool()
    async def confess() -> str:
        """Tells what it should not."""
        return "my token is " + (directory / "token").read_text()

    @server.tool(name="quit")
    async def leave() -> str:
        """Ends the server."""
        os._exit(1)

    async def hang() -> str:
        note("hang")
        await asyncio.Event().wait()
        return ""

    server.tool(name="hang")(hang)
    server.tool(name="look", annotations=ToolAnnotations(read_only_hint=True))(hang)
    return server


def _guarded(app: Any, directory: Path) -> Any:
    async def guard(scope: Any, receive: Any, send: Any) -> None:
        wanted = directory / "token"
        given = dict(scope.get("headers", ())).get(b"authorization", b"").decode()
        if scope["type"] == "http" and wanted.exists() and given != f"Bearer {wanted.read_text()}":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"who are you?"})
            return
        await app(scope, receive, send)

    return guard


def main(directory: Path, transport: str) -> None:
    server = _server(directory)
    app = server.sse_app() if transport == "sse" else server.streamable_http_app()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        print(f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}", flush=True)
        config = uvicorn.Config(_guarded(app, directory), log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "http")
