"""How much of the disk a sandbox uses."""

import asyncio
import os
from pathlib import Path

_OURS = ("runs", "writes", "io", "rt")
"""What the server keeps there itself."""


async def disk_used(path: Path, init: int) -> int:
    """Bytes below a sandbox's directory; 0 when it cannot be said.

    Counted as the root of the sandbox's user namespace, which may look into every folder that the sandbox made.
    """
    counting = ["du", "--summarize", "--block-size=1", "--one-file-system"]
    counting += [f"--exclude={path}/{name}" for name in _OURS] + [str(path)]
    if os.geteuid() != 0:
        counting = ["nsenter", "--user", "--preserve-credentials", "--target", str(init), "--", *counting]
    process = await asyncio.create_subprocess_exec(
        *counting,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd="/",
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    words = output.split()
    return int(words[0]) if words and words[0].isdigit() else 0
