"""Starting, stopping, removing and finding again."""

import asyncio
import os
import shutil
from pathlib import Path

import orjson

from journeyman.egress.identity import Process, identify
from journeyman.sandboxes.local import sharing, state, variables
from journeyman.sandboxes.local.bundle import Paths, config
from journeyman.sandboxes.local.cgroups import find_cgroups
from journeyman.sandboxes.local.channel import Channel, make_pipes
from journeyman.sandboxes.local.directory import Directories, Directory, held
from journeyman.sandboxes.local.disks import Disks, show
from journeyman.sandboxes.local.ending import discard, dispose, kill
from journeyman.sandboxes.local.ground import Grounds
from journeyman.sandboxes.local.guard import Rules
from journeyman.sandboxes.local.identity import id_map
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.probe import first_obstacle
from journeyman.sandboxes.local.remains import clear, groups
from journeyman.sandboxes.local.rootfs import build, lift
from journeyman.sandboxes.local.runtime import Below, Runtime, spare
from journeyman.sandboxes.port import SandboxUnavailable


class Keeper:
    """Makes and ends the processes of sandboxes; keeps none of them in mind."""

    def __init__(
        self,
        directories: Directories,
        runtime: Runtime,
        limits: Limits,
        grounds: Grounds,
        disks: Disks,
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
        self._disks = disks

    async def attach(self, directory: Directory) -> Channel:
        """Have the sandbox running and open its channel. Raises SandboxUnavailable."""
        async with held(directory.lock) as lock:
            process = self._living(directory)
            if process is None:
                if state.living(directory.state):  # another runtime's, from before the configuration was changed
                    await self._end(directory, lock)
                process = await self._start(directory, lock)
        return self._open(directory, process)

    def find(self, directory: Directory) -> Channel | None:
        """Open the channel if the sandbox runs."""
        process = self._living(directory)
        return self._open(directory, process) if process else None

    def _living(self, directory: Directory) -> Process | None:
        """Its process, if it lives and is one that this runtime started."""
        process = state.living(directory.state)
        return process if process and self._runtime.knows(self._directories.container(directory)) else None

    async def end(self, directory: Directory) -> None:
        """Kill its processes and remove what the runtime knows. Idempotent."""
        async with held(directory.lock) as lock:
            await self._end(directory, lock)

    async def settle(self, directory: Directory) -> None:
        """Remove what a life that nobody ended has left, if it does not live."""
        async with held(directory.lock) as lock:
            if state.living(directory.state) is None:
                await self._clear(directory, lock)

    def is_settled(self, directory: Directory) -> bool:
        """Whether it was stopped, and nothing is left of it but its files."""
        container = self._directories.container(directory)
        return state.is_stopped(directory.state) and not self._runtime.knows(container) and not groups(container)

    async def remove(self, directory: Directory) -> None:
        """End what nobody names any more, and remove its directory. Idempotent, also while others do the same."""
        gone = await discard(self._directories, directory, lambda lock: self._end(directory, lock))
        if gone is not None:
            await self.dispose(gone)

    async def dispose(self, path: Path) -> None:
        """Remove a discarded directory. Raises SandboxError when some of it stays."""
        await dispose(path)

    async def _end(self, directory: Directory, lock: int) -> None:
        process = state.living(directory.state)
        if process is not None:
            await self._kill(directory, process)
        await self._clear(directory, lock)

    async def _kill(self, directory: Directory, process: Process) -> None:
        self._cgroups.group(self._directories.container(directory)).thaw()  # a server may have died while it was frozen
        await kill(process)

    async def stray_slots(self) -> set[int]:
        """Slots that a runtime or the kernel still knows by container or control group."""
        return await asyncio.to_thread(self._stray_slots)

    def _stray_slots(self) -> set[int]:
        prefix = f"journeyman-{self._directories.tag}-"
        names = {path.name for path in groups(f"{prefix}*")} | self._runtime.containers()
        slots = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
        return {int(slot) for slot in slots if slot.isdigit()}

    async def _clear(self, directory: Directory, lock: int) -> None:
        container = self._directories.container(directory)
        if state.of_earlier_boot(directory.state):
            self._runtime.forget(container)
        else:
            await self._runtime.delete(container, lock)
        if groups(container):
            await asyncio.to_thread(clear, container)
        if directory.state.exists():  # else its root is not whole yet, and is to be built on the next start
            state.save(directory.state, None)

    async def _start(self, directory: Directory, lock: int) -> Process:
        container = self._directories.container(directory)
        await self._runtime.delete(container, lock)
        name, prepare = directory.path.name, lambda: self._prepare(directory)
        try:
            pid = await self._runtime.run(container, name, lock, self._limits, prepare)
            self._cgroups.group(container).count_sockets(self._limits.socket_memory)
            spare(pid)
        except SandboxUnavailable as error:
            await self._runtime.delete(container, lock)
            obstacle = await first_obstacle(self._directories.path, self._runtime)
            raise SandboxUnavailable(f"{error}. {obstacle}".strip()) from None
        process = identify(pid)
        if process is None:
            raise SandboxUnavailable("The sandbox ended as soon as it had started.")
        state.save(directory.state, process)
        return process

    def _prepare(self, directory: Directory) -> list[Below]:
        """Everything on disk that the runtime needs, and the layers it is to see."""
        ids = id_map(directory.slot, self._uid_base)
        if os.geteuid() == 0:  # passable by the sandbox's own users, and by nobody else of the host
            os.chown(directory.path, 0, ids.root[1])
            directory.path.chmod(0o710)
        ground = self._grounds.of(directory, ids.root[0])
        if not directory.has_files:
            self._disks.give(directory)
        show(directory)
        if not (directory.state.exists() and directory.files.is_dir()):
            build(directory, ids.root, self._workdir, ground.above, ground.image, ground.certificate)
        here = f"{self._runtime.view}/{directory.path.name}"
        shutil.rmtree(directory.io, ignore_errors=True)
        make_pipes(directory.io, ids.root)
        variables.put(directory)
        shares = [(f"{here}/{source}", path) for source, path in sharing.prepare(directory)]
        below, overlays = ground.seen(directory, here, self._runtime.view, ids.root[0])
        lift(directory, ids.root, [each.part for each in overlays])
        own = (str(path.relative_to(directory.path)) for path in (directory.files, directory.upper, directory.work))
        paths = Paths(*(f"{here}/{name}" for name in (*own, "io")), overlays=tuple(overlays), shares=tuple(shares))
        self._cgroups.prepare()
        container = self._directories.container(directory)
        oci = config(paths, ids, self._limits, workdir=self._workdir, cgroups=self._cgroups, container=container)
        (directory.path / "config.json").write_bytes(orjson.dumps(oci))
        return below

    def _open(self, directory: Directory, process: Process) -> Channel:
        container = self._directories.container(directory)
        group = self._cgroups.group(container)
        rules = Rules(self._limits, group, self._cgroups.hard)
        population = self._runtime.population(container, process.pid, group.frozen)
        return Channel(directory, process, self.owner(directory), rules, population)

    def owner(self, directory: Directory) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        return id_map(directory.slot, self._uid_base).root
