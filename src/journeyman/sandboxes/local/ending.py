"""The end of a sandbox's process and of its directory, and the lock that keeps two servers from doing it at once."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from journeyman.egress.identity import Process, identify
from journeyman.sandboxes.local.directory import locked, remove_tree

_ENDING = 10.0
"""Seconds a killed process has to be gone."""


async def kill(process: Process) -> None:
    """Kill a first process, and thereby all of its sandbox; returns when it is gone."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    loop.add_reader(descriptor, lambda: gone.done() or gone.set_result(None))
    try:
        if identify(process.pid) == process:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            await asyncio.wait_for(gone, _ENDING)
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def remains_of(path: Path) -> bool:
    """Remove a directory; whether some of it stays."""
    with contextlib.suppress(OSError):
        remove_tree(path)
    return path.exists()


def is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


async def lock_if_there(path: Path) -> int | None:
    """The lock's descriptor; None when the directory is gone."""
    lock = locked(path)
    try:
        descriptor = await asyncio.to_thread(lock.__enter__)
    except FileNotFoundError:
        return None
    kept = os.dup(descriptor)
    lock.__exit__(None, None, None)
    return kept
