"""An HTTP server around the application, up while its context is entered, whose stop ends open streams cleanly."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass

import uvicorn

from journeyman.app.processes import Running, running
from journeyman.cli.database import reaching_database
from journeyman.config import Settings


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers at `url`. `ended` is done early only when it failed."""

    url: str
    up: Running
    ended: asyncio.Task[None]


class Unsignalled(uvicorn.Server):
    """Leaves signals to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Server(Unsignalled):
    """Tells when it answers, and ends the event streams before it waits for connections."""

    def __init__(self, config: uvicorn.Config, up: Running) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._up.hub.close()
        await super().shutdown(sockets)


@contextlib.asynccontextmanager
async def serving(settings: Settings, listener: socket.socket, *, works: bool = True) -> AsyncGenerator[Serving]:
    """Serve on a listening socket; on leaving, streams end and answers under way are finished.

    Raises Problem, CannotStart.
    """
    url = _url(listener)
    async with _started(settings, works=works) as up:
        config = uvicorn.Config(
            up.app, log_config=None, access_log=False, lifespan="off", http="httptools", timeout_keep_alive=75,
            timeout_graceful_shutdown=settings.server.drain_seconds,
        )  # fmt: skip
        server = _Server(config, up)
        ended = asyncio.create_task(server.serve([listener]))
        answers = asyncio.create_task(server.answers.wait())
        try:
            await asyncio.wait({answers, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                yield Serving(url, up, ended)
        finally:
            answers.cancel()
            server.should_exit = True
            await ended


@contextlib.asynccontextmanager
async def _started(settings: Settings, *, works: bool) -> AsyncGenerator[Running]:
    with reaching_database():
        async with running(settings, works=works) as up:
            yield up


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: whoever connects from now on is answered once the server is up. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    """Where a client on this machine reaches it."""
    host, port = str(listener.getsockname()[0]), int(listener.getsockname()[1])
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"
