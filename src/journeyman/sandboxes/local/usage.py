"""How much of the disk a sandbox uses."""

import asyncio
import contextlib
import os
import stat
import subprocess
from pathlib import Path

from journeyman.sandboxes.local.processes import descendants, entries

_OURS = ("runs", "writes", "io", "rt")
"""What the server keeps there itself."""


async def disk_used(path: Path, init: int) -> int:
    """Bytes below a sandbox's directory, and in files that have no name any more but are open."""
    return await _named(path, init) + await asyncio.to_thread(_nameless, init)


def _nameless(init: int) -> int:
    found: dict[tuple[int, int], int] = {}
    memory = _in_memory(init)
    for entry in descendants(init):
        for link in entries(entry.pid, "fd"):
            with contextlib.suppress(OSError):
                file = link.stat()
                if stat.S_ISREG(file.st_mode) and file.st_nlink == 0 and file.st_dev not in memory:
                    found[file.st_dev, file.st_ino] = file.st_blocks * 512
    return sum(found.values())


def _in_memory(init: int) -> set[int]:
    """The devices of files that are memory and no disk."""
    ours = os.memfd_create("journeyman", os.MFD_CLOEXEC)
    try:
        devices = {os.fstat(ours).st_dev}
    finally:
        os.close(ours)
    with contextlib.suppress(OSError):
        devices.add(Path("/proc", str(init), "root/dev/shm").stat().st_dev)
    return devices


async def _named(path: Path, init: int) -> int:
    """0 when it cannot be said.

    Counted as the root of the sandbox's user namespace, which may look into every folder that the sandbox made.
    """
    counting = ["du", "--summarize", "--block-size=1", "--one-file-system"]
    counting += [f"--exclude={path}/{name}" for name in _OURS] + [str(path)]
    if os.geteuid() != 0:
        counting = ["nsenter", "--user", "--preserve-credentials", "--target", str(init), "--", *counting]
    # In a thread: a subprocess of the loop's own that is cancelled while it starts can keep the loop from ending.
    done = await asyncio.to_thread(
        subprocess.run,
        counting,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd="/",
        check=False,
    )
    words = done.stdout.split()
    return int(words[0]) if words and words[0].isdigit() else 0
