"""An uvicorn server around the application, whose stop ends open streams cleanly."""

import socket
from collections.abc import Callable

import uvicorn

from journeyman.app import Running, running
from journeyman.config import Settings


class Server(uvicorn.Server):
    """Ends the event streams before it waits for connections."""

    def __init__(self, config: uvicorn.Config, up: Running, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._up = up
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._up.hub.close()
        await super().shutdown(sockets)


async def serve(settings: Settings, listener: socket.socket, ready: Callable[[Running, str], None]) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT; `ready` is told the base URL once requests are answered."""
    host, port = listener.getsockname()[:2]
    async with running(settings) as up:
        config = uvicorn.Config(
            up.app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=5,
            http="httptools", timeout_keep_alive=75,
        )  # fmt: skip
        address = f"[{host}]" if ":" in host else host
        server = Server(config, up, lambda: ready(up, f"http://{address}:{port}"))
        await server.serve([listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener
