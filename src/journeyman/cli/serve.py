"""`journeyman serve`."""

import asyncio
import errno
import gc
import shlex
import signal
import socket
from importlib import import_module
from pathlib import Path

import uvloop

from journeyman.app.data_dir import first_key
from journeyman.cli import presence
from journeyman.cli.problem import Problem
from journeyman.cli.server import listen, serving
from journeyman.config import Settings
from journeyman.telemetry import logs


def serve(settings: Settings, *, works: bool) -> None:
    """Run the server until SIGTERM or SIGINT; without `works` it leaves sessions to workers. Raises Problem."""
    logs.configure(settings.log.format, settings.log.level)
    uvloop.run(_serve(settings, _listen(settings), works=works))


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    try:
        return listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Problem(
                f"Port {port} on {host} is in use: stop what uses it, or choose another with --port."
            ) from None
        raise Problem(f"Cannot listen on {host}, port {port}: {error.strerror or error}") from error


async def _serve(settings: Settings, listener: socket.socket, *, works: bool) -> None:
    stopped = stop_signal()
    is_first = not first_key(settings).exists()
    async with serving(settings, listener, works=works) as server:
        with presence.announced(settings.data_dir(), server.url):
            gc.freeze()
            gc.enable()
            print(_greeting(settings, server.url, is_first=is_first), flush=True)
            warming = asyncio.create_task(_warm())
            await asyncio.wait({stopped, server.ended}, return_when=asyncio.FIRST_COMPLETED)
            warming.cancel()


def stop_signal() -> asyncio.Future[None]:
    """Done with the first SIGTERM or SIGINT; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        stopped.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped


async def _warm() -> None:
    """Load what the first turn would wait for."""
    await asyncio.to_thread(import_module, "genai_prices")


def _greeting(settings: Settings, url: str, *, is_first: bool) -> str:
    file = first_key(settings)
    if settings.server.api_keys:
        where, key = "the configured ones (server.api_keys)", "ONE_OF_THE_CONFIGURED_KEYS"
    else:
        where, key = str(file), _shown_key(file, is_first=is_first)
    return "\n".join(
        [
            f"Journeyman listens on {url}",
            f"  data     {settings.data_dir()}",
            f"  API key  {where}",
            "",
            "For a client, in another terminal:",
            f"  export ANTHROPIC_BASE_URL={url}",
            f"  export ANTHROPIC_API_KEY={key}",
            "",
            "Ctrl-C stops it.",
        ]
    )


def _shown_key(file: Path, *, is_first: bool) -> str:
    """A new key is shown once; later a command that reads it is, so that no log gathers the secret."""
    return file.read_text().strip() if is_first else f'"$(cat {shlex.quote(str(file))})"'
