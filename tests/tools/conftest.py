"""What the tests of the tools share."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from journeyman.sandboxes.port import Run, Sandboxes
from journeyman.tools.port import ToolContext


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sandboxes() -> Sandboxes:
    return None


@pytest.fixture
def context(sandboxes: Sandboxes) -> ToolContext:
    """A call's surroundings whose sandbox is not started by anything."""
    return ToolContext("sesn_test", Run("sevt_test"), sandboxes, config={})


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[web.Application], Awaitable[str]]]:
    """Serves an application on 127.0.0.1 and gives its URL."""
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()
