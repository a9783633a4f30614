"""`journeyman worker`: runs the sessions of a shared database, and answers no requests."""

import gc

import uvloop

from journeyman.app import working
from journeyman.cli.database import reaching_database
from journeyman.cli.serve import log_to_terminal, stop_signal
from journeyman.config import Settings


def work(settings: Settings) -> None:
    """Run sessions until SIGTERM or SIGINT. Raises Problem."""
    log_to_terminal()
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopped = stop_signal()
    with reaching_database():
        async with working(settings):
            gc.freeze()
            gc.enable()
            print(f"Journeyman works on {settings.data_dir()}\n\nCtrl-C stops it.", flush=True)
            await stopped
