"""The end of a sandbox's process and of its directory, and the lock that keeps two servers from doing it at once."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from journeyman.egress.identity import Process, identify
from journeyman.sandboxes.local.directory import Directories, Directory, locked, remove_tree
from journeyman.sandboxes.local.runtime import remove_as_mapped_root
from journeyman.sandboxes.port import SandboxError

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


async def discard(
    directories: Directories, directory: Directory, clear: Callable[[int], Awaitable[None]]
) -> Path | None:
    """Take away a directory that nobody names, after `clear` (given its lock) has ended what it was: where it lies now.

    Idempotent, also while others do the same.
    """
    while (lock := await _lock_if_there(directory.lock)) is not None:
        try:
            if not _is_same(lock, directory.lock):
                continue  # another has removed it, and the place may be taken again
            if directories.is_named(directory):
                return None
            await clear(lock)
            return directories.discard(directory)
        finally:
            os.close(lock)
    return None


async def dispose(path: Path) -> None:
    """Remove a discarded directory. Raises SandboxError when some of it stays."""
    if await asyncio.to_thread(_remains_of, path):
        await remove_as_mapped_root(path)
        if await asyncio.to_thread(_remains_of, path):
            raise SandboxError(f"{path} could not be removed completely.")


def _remains_of(path: Path) -> bool:
    """Remove a directory; whether some of it stays."""
    with contextlib.suppress(OSError):
        remove_tree(path)
    return path.exists()


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


async def _lock_if_there(path: Path) -> int | None:
    """The lock's descriptor; None when the directory is gone."""
    lock = locked(path)
    try:
        descriptor = await asyncio.to_thread(lock.__enter__)
    except FileNotFoundError:
        return None
    kept = os.dup(descriptor)
    lock.__exit__(None, None, None)
    return kept
