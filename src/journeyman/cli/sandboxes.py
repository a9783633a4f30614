"""`journeyman sandboxes`: those of a data directory on which no server works."""

import asyncio

from journeyman.app.backends import make_sandboxes
from journeyman.app.data_dir import locked
from journeyman.cli.problem import Problem
from journeyman.config import Settings
from journeyman.sandboxes.port import SandboxError


def stop(settings: Settings) -> None:
    """End what runs in them. Raises Problem, and DataDirectoryInUse while a server could look after them itself."""
    data_dir = settings.data_dir()
    if not data_dir.is_dir():
        raise Problem(f"There is no data directory {data_dir}.")
    with locked(data_dir, shared=False):
        try:
            count = asyncio.run(stop_all(settings))
        except SandboxError as error:
            raise Problem(str(error)) from error
    print(f"Stopped {count}; their files are kept.")


async def stop_all(settings: Settings) -> int:
    """How many ran. Raises SandboxError."""
    sandboxes = make_sandboxes(settings)
    try:
        running = [found.id for found in await sandboxes.recover() if found.state == "running"]
        for each in running:
            await sandboxes.stop(each)
        return len(running)
    finally:
        await sandboxes.close()
