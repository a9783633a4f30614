"""Starting, stopping, removing and finding again."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
from pathlib import Path

import orjson

from journeyman.sandboxes.local import state
from journeyman.sandboxes.local.bundle import Paths, config
from journeyman.sandboxes.local.cgroups import find_cgroups
from journeyman.sandboxes.local.channel import EXEC_SHELL, Channel, make_pipes
from journeyman.sandboxes.local.directory import Directories, Directory, held, remove_tree
from journeyman.sandboxes.local.ground import Grounds
from journeyman.sandboxes.local.guard import Rules
from journeyman.sandboxes.local.identity import Process, id_map, identify
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.probe import first_obstacle
from journeyman.sandboxes.local.rootfs import build, lift
from journeyman.sandboxes.local.runtime import Below, Runtime, limit_namespace, remove_as_mapped_root
from journeyman.sandboxes.local.snapshots import freeze
from journeyman.sandboxes.port import SandboxError, SandboxUnavailable

_ENDING = 10.0
"""Seconds a killed process has to be gone."""


class Keeper:
    """Makes and ends the processes of sandboxes; keeps none of them in mind."""

    def __init__(
        self,
        directories: Directories,
        runtime: Runtime,
        limits: Limits,
        grounds: Grounds,
        *,
        workdir: str,
        uid_base: int,
    ) -> None:
        self._directories = directories
        self._runtime = runtime
        self._limits = limits
        self._cgroups = find_cgroups()
        self._workdir = workdir
        self._uid_base = uid_base
        self._grounds = grounds
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
                await _kill(process)
            await self._runtime.delete(self._container(directory), lock)
            if directory.state.exists():  # else its root is not whole yet, and is to be built on the next start
                state.save(directory.state, None)

    async def remove(self, path: Path) -> None:
        """Remove the directory of a sandbox or a layer. Raises SandboxError."""
        if await asyncio.to_thread(_removed, path):
            return
        await remove_as_mapped_root(path)
        if not await asyncio.to_thread(_removed, path):
            raise SandboxError(f"{path} could not be removed completely.")

    async def _start(self, directory: Directory, lock: int) -> tuple[Process, set[str]]:
        """The new first process, and the names of the shells that an earlier one had."""
        container = self._container(directory)
        await self._runtime.delete(container, lock)
        lost = _shells(directory)
        below = await asyncio.to_thread(self._prepare, directory)
        try:
            pid = await self._runtime.run(container, directory.path.name, lock, self._limits, below)
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

    def _prepare(self, directory: Directory) -> list[Below]:
        """Everything on disk that the runtime needs, and the layers it is to see."""
        ids = id_map(directory.slot, self._uid_base)
        ground = self._grounds.of(directory, ids.root[0])
        if not (directory.state.exists() and directory.files.is_dir()):
            build(directory, ids.root, self._workdir, ground.above, ground.image, ground.certificate)
        shutil.rmtree(directory.io, ignore_errors=True)
        make_pipes(directory.io, ids.root)
        here = f"{self._runtime.view}/{directory.path.name}"
        below, overlays = ground.seen(directory, here, self._runtime.view, ids.root[0])
        lift(directory, ids.root, [each.part for each in overlays])
        places = (f"{here}/{name}" for name in ("files", "upper", "work", "io"))
        paths = Paths(*places, overlays=tuple(overlays))
        self._cgroups.prepare()
        container = self._container(directory)
        oci = config(paths, ids, self._limits, workdir=self._workdir, cgroups=self._cgroups, container=container)
        (directory.path / "config.json").write_bytes(orjson.dumps(oci))
        return below

    def _open(self, directory: Directory, process: Process, lost: set[str]) -> Channel:
        rules = Rules(self._limits, self._cgroups.group(self._container(directory)), self._cgroups.hard)
        return Channel(directory, process, self.owner(directory), lost, rules)

    def owner(self, directory: Directory) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        return id_map(directory.slot, self._uid_base).root

    def freeze(self, directory: Directory, name: str) -> None:
        """Make a layer of the files of a stopped sandbox."""
        freeze(directory, self._grounds.layers, name, self.owner(directory)[0])

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


def _removed(path: Path) -> bool:
    with contextlib.suppress(OSError):
        remove_tree(path)
    return not path.exists()
