"""Starting the egress process of a directory."""

import asyncio
import sys
from pathlib import Path

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CannotStart(Exception):
    """The egress process did not start; the message says where to look."""


async def start(directory: Path) -> None:
    """Have it running. It is nobody's child, and inherits nothing. Raises CannotStart."""
    errors = _prepare(directory)
    with errors.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "journeyman.egress",
            str(directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            # The very code that runs here, also where it is not installed.
            env={"PATH": _PATH, "LANG": "C.UTF-8", "PYTHONPATH": ":".join(filter(None, sys.path))},
            start_new_session=True,
        )
        code = await process.wait()
    if code:
        raise CannotStart(f"The egress process did not start: see {errors}")


def _prepare(directory: Path) -> Path:
    """Make the directory, closed to others; where the process writes what goes wrong before it has a log."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    return directory / "errors"
