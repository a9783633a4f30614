"""`journeyman worker`: runs the sessions of a shared database, and answers no requests."""

import gc
import logging

import uvloop

from journeyman.app import DataDirectoryInUse, DataDirectoryUnusable, NotShared, working
from journeyman.cli.database import reaching_database
from journeyman.cli.problem import Problem
from journeyman.cli.serve import stop_signal
from journeyman.config import Settings


def work(settings: Settings) -> None:
    """Run sessions until SIGTERM or SIGINT. Raises Problem."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    stopped = stop_signal()
    try:
        with reaching_database():
            async with working(settings):
                gc.freeze()
                gc.enable()
                print(f"Journeyman works on {settings.data_dir()}\n\nCtrl-C stops it.", flush=True)
                await stopped
    except (DataDirectoryInUse, DataDirectoryUnusable, NotShared) as error:
        raise Problem(str(error)) from error
