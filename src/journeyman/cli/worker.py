"""`journeyman worker`: runs the sessions of a shared database, and answers no requests."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route

from journeyman.api.watching import ReadMetrics
from journeyman.app.processes import working
from journeyman.cli.database import reaching_database
from journeyman.cli.problem import Problem
from journeyman.cli.serve import stop_signal
from journeyman.cli.server import Unsignalled, listen
from journeyman.config import Settings
from journeyman.telemetry import logs


def work(settings: Settings) -> None:
    """Run sessions until SIGTERM or SIGINT. Raises Problem."""
    logs.configure(settings.log.format, settings.log.level)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopped = stop_signal()
    with reaching_database():
        async with working(settings) as watching, _answering(settings, watching.metrics) as where:
            gc.freeze()
            gc.enable()
            print(f"{where}Journeyman works on {settings.data_dir()}\n\nCtrl-C stops it.", flush=True)
            await stopped


@asynccontextmanager
async def _answering(settings: Settings, metrics: ReadMetrics | None) -> AsyncGenerator[str]:
    """Answer whoever reads the metrics, if they are wanted; what to say of it."""
    if metrics is None:
        yield ""
        return
    section = settings.metrics
    try:
        listener = listen(section.host, section.port)
    except OSError as error:
        raise Problem(f"metrics: cannot listen on {section.host}, port {section.port}: {error.strerror}") from error
    app = Starlette(routes=[Route("/metrics", metrics.answer)])
    server = Unsignalled(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield f"Metrics on http://{section.host}:{listener.getsockname()[1]}/metrics\n"
    finally:
        server.should_exit = True
        await serving
