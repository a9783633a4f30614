"""Starting the interpreter's process: an empty environment, and no descriptors but its pipes."""

import asyncio
import sys
from pathlib import Path

from journeyman.workflows.limits import Limits

_ROOT = Path(__file__).parents[2]
_BOOT = "import sys; sys.path.append({root!r}); from journeyman.workflows.interpreter.process import main; main()"


async def start(limits: Limits) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-B", "-c", _BOOT.format(root=str(_ROOT))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
        limit=limits.output,
    )
