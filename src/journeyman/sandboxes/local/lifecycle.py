"""Starting, stopping, removing and finding again."""

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

import orjson

from journeyman.sandboxes.local import state
from journeyman.sandboxes.local.bundle import Limits, Paths, config
from journeyman.sandboxes.local.channel import Channel, make_pipes
from journeyman.sandboxes.local.directory import Directories, Directory
from journeyman.sandboxes.local.ending import held, is_same, kill, lock_if_there, remains_of
from journeyman.sandboxes.local.identity import Process, id_map, identify
from journeyman.sandboxes.local.probe import first_obstacle
from journeyman.sandboxes.local.remains import clear, groups
from journeyman.sandboxes.local.rootfs import build, host_etc
from journeyman.sandboxes.local.runtime import Runtime, limit_namespace, remove_as_mapped_root
from journeyman.sandboxes.port import SandboxError, SandboxUnavailable


class Keeper:
    """Makes and ends the processes of sandboxes; keeps none of them in mind."""

    def __init__(
        self, directories: Directories, runtime: Runtime, limits: Limits, *, workdir: str, uid_base: int
    ) -> None:
        self._directories = directories
        self._runtime = runtime
        self._limits = limits
        self._workdir = workdir
        self._uid_base = uid_base
        self._tag = hashlib.sha256(str(directories.path.resolve()).encode()).hexdigest()[:8]

    async def attach(self, directory: Directory) -> Channel:
        """Have the sandbox running and open its channel. Raises SandboxUnavailable."""
        async with held(directory.lock) as lock:
            process = state.living(directory.state) or await self._start(directory, lock)
        return self._open(directory, process)

    def find(self, directory: Directory) -> Channel | None:
        """Open the channel if the sandbox runs."""
        process = state.living(directory.state)
        return self._open(directory, process) if process else None

    async def end(self, directory: Directory) -> None:
        """Kill its processes and remove what the runtime knows. Idempotent."""
        async with held(directory.lock) as lock:
            process = state.living(directory.state)
            if process is not None:
                await kill(process)
            await self._clear(directory, lock)

    async def settle(self, directory: Directory) -> None:
        """Remove what a life that nobody ended has left, if it does not live."""
        async with held(directory.lock) as lock:
            if state.living(directory.state) is None:
                await self._clear(directory, lock)

    def is_settled(self, directory: Directory) -> bool:
        """Whether it was stopped, and nothing is left of it but its files."""
        container = self._container(directory)
        return state.is_stopped(directory.state) and not self._runtime.knows(container) and not groups(container)

    async def remove(self, directory: Directory) -> None:
        """End what nobody names any more, and remove its directory. Idempotent, also while others do the same."""
        while (lock := await lock_if_there(directory.lock)) is not None:
            try:
                if not is_same(lock, directory.lock):
                    continue  # another has removed it, and the place may be taken again
                if self._directories.is_named(directory):
                    return
                process = state.living(directory.state)
                if process is not None:
                    await kill(process)
                await self._clear(directory, lock)
                gone = self._directories.discard(directory)
            finally:
                os.close(lock)
            if gone is not None:
                await self.dispose(gone)
            return

    async def dispose(self, path: Path) -> None:
        """Remove a discarded directory. Raises SandboxError when some of it stays."""
        if await asyncio.to_thread(remains_of, path):
            await remove_as_mapped_root(path)
            if await asyncio.to_thread(remains_of, path):
                raise SandboxError(f"{path} could not be removed completely.")

    def stray_slots(self) -> set[int]:
        """Slots that a runtime or the kernel still knows by container or control group."""
        prefix = f"journeyman-{self._tag}-"
        names = {path.name for path in groups(f"{prefix}*")} | {
            path.name for path in self._directories.runtime.glob(f"{prefix}*")
        }
        return {int(name.removeprefix(prefix)) for name in names if name.removeprefix(prefix).isdigit()}

    async def _clear(self, directory: Directory, lock: int) -> None:
        container = self._container(directory)
        if state.of_earlier_boot(directory.state):
            self._runtime.forget(container)
        else:
            await self._runtime.delete(container, lock)
        if groups(container):
            await asyncio.to_thread(clear, container)
        if directory.state.exists():  # else its root is not whole yet, and is to be built on the next start
            state.save(directory.state, None)

    async def _start(self, directory: Directory, lock: int) -> Process:
        container = self._container(directory)
        await self._runtime.delete(container, lock)
        await asyncio.to_thread(self._prepare, directory)
        try:
            pid = await self._runtime.run(container, directory.path.name, lock)
            await limit_namespace(pid, self._limits)
        except SandboxUnavailable as error:
            await self._runtime.delete(container, lock)
            obstacle = await first_obstacle(self._directories.path, self._runtime)
            raise SandboxUnavailable(f"{error}. {obstacle}".strip()) from None
        process = identify(pid)
        if process is None:
            raise SandboxUnavailable("The sandbox ended as soon as it had started.")
        state.save(directory.state, process)
        return process

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
        cgroup = f"/{self._container(directory)}" if os.geteuid() == 0 else None
        oci = config(paths, ids, self._limits, workdir=self._workdir, cgroup=cgroup)
        (directory.path / "config.json").write_bytes(orjson.dumps(oci))

    def _open(self, directory: Directory, process: Process) -> Channel:
        return Channel(directory, process, self.owner(directory))

    def owner(self, directory: Directory) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        return id_map(directory.slot, self._uid_base).root

    def _container(self, directory: Directory) -> str:
        return f"journeyman-{self._tag}-{directory.slot}"
