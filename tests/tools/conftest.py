"""What the tests of the tools share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from journeyman.sandboxes.local.provider import LocalSandboxes
from journeyman.sandboxes.port import Run, Sandboxes
from journeyman.tools.port import ToolContext

from .calls import Caller

SANDBOX = "sesn_test"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sandboxes(tmp_path: Path) -> AsyncIterator[Sandboxes]:
    """The local provider; a test's sandbox is made when it first does something there."""
    local = LocalSandboxes(tmp_path)
    yield local
    await local.destroy(SANDBOX)
    await local.close()


@pytest.fixture
def call(sandboxes: Sandboxes) -> Caller:
    return Caller(sandboxes, SANDBOX)


@pytest.fixture
def context(sandboxes: Sandboxes) -> ToolContext:
    """A call's surroundings, for tools that seldom need the sandbox."""
    return ToolContext(SANDBOX, Run("sevt_test"), sandboxes, config={})


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[web.Application], Awaitable[str]]]:
    """Serves an application on 127.0.0.1 and gives its URL."""
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()
