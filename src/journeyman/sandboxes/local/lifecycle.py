"""Starting, stopping, removing and finding again."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import orjson

from journeyman.sandboxes.local import state
from journeyman.sandboxes.local.bundle import Paths, config
from journeyman.sandboxes.local.cgroups import find_cgroups
from journeyman.sandboxes.local.channel import EXEC_SHELL, Channel, make_pipes
from journeyman.sandboxes.local.directory import Directories, Directory, locked, remove_tree
from journeyman.sandboxes.local.guard import Rules
from journeyman.sandboxes.local.identity import Process, id_map, identify
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.probe import first_obstacle
from journeyman.sandboxes.local.rootfs import build, host_etc
from journeyman.sandboxes.local.runtime import Runtime, limit_namespace, remove_as_mapped_root
from journeyman.sandboxes.port import SandboxError, SandboxUnavailable

_ENDING = 10.0
"""Seconds a killed process has to be gone."""


class Keeper:
    """Makes and ends the processes of sandboxes; keeps none of them in mind."""

    def __init__(
        self, directories: Directories, runtime: Runtime, limits: Limits, *, workdir: str, uid_base: int
    ) -> None:
        self._directories = directories
        self._runtime = runtime
        self._limits = limits
        self._cgroups = find_cgroups()
        self._workdir = workdir
        self._uid_base = uid_base
        self._tag = hashlib.sha256(str(directories.path.resolve()).encode()).hexdigest()[:8]

    async def attach(self, directory: Directory) -> Channel:
        """Have the sandbox running and open its channel. Raises SandboxUnavailable."""
        lost: set[str] = set()
        async with held(directory.lock) as lock:
            process = state.living(directory.state)
            if process is None:
                process, lost = await self._start(directory, lock)
        return self._open(directory, process, lost)

    def find(self, directory: Directory) -> Channel | None:
        """Open the channel if the sandbox runs."""
        process = state.living(directory.state)
        return self._open(directory, process, set()) if process else None

    async def end(self, directory: Directory) -> None:
        """Kill its processes and remove what the runtime knows. Idempotent."""
        async with held(directory.lock) as lock:
            process = state.living(directory.state)
            if process is not None:
                self._cgroups.group(self._container(directory)).thaw()
                await _kill(process)
            await self._runtime.delete(self._container(directory), lock)
            if directory.state.exists():  # else its root is not whole yet, and is to be built on the next start
                state.save(directory.state, None)

    async def remove(self, directory: Directory) -> None:
        """Remove its directory."""
        await asyncio.to_thread(_remove, directory.path)
        if directory.path.exists():
            await remove_as_mapped_root(directory.path)
            await asyncio.to_thread(_remove, directory.path)
        if directory.path.exists():
            raise SandboxError(f"{directory.path} could not be removed completely.")

    async def _start(self, directory: Directory, lock: int) -> tuple[Process, set[str]]:
        """The new first process, and the names of the shells that an earlier one had."""
        container = self._container(directory)
        await self._runtime.delete(container, lock)
        lost = _shells(directory)
        await asyncio.to_thread(self._prepare, directory)
        try:
            pid = await self._runtime.run(container, directory.path.name, lock, self._limits)
            self._cgroups.group(container).count_sockets(self._limits.socket_memory)
            await limit_namespace(pid, self._limits)
        except SandboxUnavailable as error:
            await self._runtime.delete(container, lock)
            obstacle = await first_obstacle(self._directories.path, self._runtime)
            raise SandboxUnavailable(f"{error}. {obstacle}".strip()) from None
        process = identify(pid)
        if process is None:
            raise SandboxUnavailable("The sandbox ended as soon as it had started.")
        state.save(directory.state, process)
        return process, lost

    def _prepare(self, directory: Directory) -> None:
        ids = id_map(directory.slot, self._uid_base)
        if not directory.state.exists():
            build(directory, ids.root, self._workdir)
        etc = host_etc(self._directories.path)
        shutil.rmtree(directory.io, ignore_errors=True)
        make_pipes(directory.io, ids.root)
        view = f"{self._runtime.view}/{directory.path.name}"
        paths = Paths(
            root=f"{view}/root",
            usr=(f"{view}/usr", f"{view}/usr.work"),
            etc=(f"{self._runtime.view}/{etc.name}", f"{view}/etc", f"{view}/etc.work"),
            io=f"{view}/io",
        )
        self._cgroups.prepare()
        container = self._container(directory)
        oci = config(paths, ids, self._limits, workdir=self._workdir, cgroups=self._cgroups, container=container)
        (directory.path / "config.json").write_bytes(orjson.dumps(oci))

    def _open(self, directory: Directory, process: Process, lost: set[str]) -> Channel:
        rules = Rules(self._limits, self._cgroups.group(self._container(directory)), self._cgroups.hard)
        return Channel(directory, process, self.owner(directory), lost, rules)

    def owner(self, directory: Directory) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        return id_map(directory.slot, self._uid_base).root

    def _container(self, directory: Directory) -> str:
        return f"journeyman-{self._tag}-{directory.slot}"


def _shells(directory: Directory) -> set[str]:
    """The shells that had commands."""
    found = {pipe.stem for pipe in directory.io.glob("*.in")} - {EXEC_SHELL}
    return found if next(directory.runs.iterdir(), None) else set()


async def _kill(process: Process) -> None:
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


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(path)


@contextlib.asynccontextmanager
async def held(path: Path) -> AsyncGenerator[int]:
    """`locked` without blocking the loop."""
    lock = locked(path)
    descriptor = await asyncio.to_thread(lock.__enter__)
    try:
        yield descriptor
    finally:
        lock.__exit__(None, None, None)
