"""Containers as sandboxes: made, started, found again, ended, removed."""

import asyncio
import os
import time
from pathlib import Path

from journeyman.egress.identity import Process, identify, lives
from journeyman.sandboxes.docker.container import DATA, SLOT
from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.groups import groups_of
from journeyman.sandboxes.docker.making import Made, Maker
from journeyman.sandboxes.docker.stock import EngineStock
from journeyman.sandboxes.local import record, state
from journeyman.sandboxes.local.bundle import PROGRAM
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directories, Directory, held
from journeyman.sandboxes.local.ending import discard, dispose, kill
from journeyman.sandboxes.local.guard import Rules
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.population import HostPopulation
from journeyman.sandboxes.local.runtime import limit_namespace, spare
from journeyman.sandboxes.port import SandboxUnavailable

_BEGINNING = 2.0
"""Seconds that a container's first program has to begin."""
_LOOK = 0.002


class EngineKeeper:
    """Implements `Keeper`."""

    def __init__(
        self, directories: Directories, engine: Engine, stock: EngineStock, limits: Limits, *, workdir: str
    ) -> None:
        self._directories = directories
        self._engine = engine
        self._stock = stock
        self._limits = limits
        self._maker = Maker(engine, stock, limits, workdir)

    async def attach(self, directory: Directory) -> Channel:
        async with held(directory.lock):
            process = state.living(directory.state) or await self._start(directory)
        return self._open(directory, process)

    def find(self, directory: Directory) -> Channel | None:
        process = state.living(directory.state)
        return self._open(directory, process) if process else None

    async def end(self, directory: Directory) -> None:
        async with held(directory.lock):
            await self._end(directory)

    async def settle(self, directory: Directory) -> None:
        async with held(directory.lock):
            if state.living(directory.state) is None:
                await self._end(directory)

    def is_settled(self, directory: Directory) -> bool:
        return state.is_stopped(directory.state)

    async def remove(self, directory: Directory) -> None:
        async def clear(_lock: int) -> None:
            await self._engine.remove(self._directories.container(directory))

        gone = await discard(self._directories, directory, clear)
        if gone is not None:
            await self.dispose(gone)

    async def dispose(self, path: Path) -> None:
        await dispose(path)

    async def stray_slots(self) -> set[int]:
        if not self._directories.path.is_dir():
            return set()
        found = await self._engine.containers(f"{DATA}={self._directories.tag}")
        slots = (str(each["Labels"].get(SLOT, "")) for each in found)
        return {int(slot) for slot in slots if slot.isdigit()}

    def owner(self, directory: Directory) -> tuple[int, int]:
        """Of a running one: as the kernel says."""
        process = state.living(directory.state)
        if process is None:
            return os.geteuid(), os.getegid()
        users, groups = (
            Path("/proc", str(process.pid), name).read_text().splitlines()[0] for name in ("uid_map", "gid_map")
        )
        return int(users.split()[1]), int(groups.split()[1])

    async def commit(self, directory: Directory, layer: str) -> None:
        """Make a layer of the files of a stopped sandbox."""
        base = record.load(directory.record).spec.base or self._stock.default
        await self._stock.commit(self._directories.container(directory), layer, base)

    def has_files(self, directory: Directory) -> bool:
        """Whether it was ever started."""
        return Made.of(directory).exists()

    async def _end(self, directory: Directory) -> None:
        process = state.living(directory.state)
        if process is not None:
            groups_of(process.pid, self._limits)[0].thaw()  # a server may have died while it was frozen
            await kill(process)
            await self._engine.kill(self._directories.container(directory))
        elif not self.is_settled(directory):  # a server may have died before it could say that it runs
            await self._engine.kill(self._directories.container(directory))
        state.save(directory.state, None)

    async def _start(self, directory: Directory) -> Process:
        name = self._directories.container(directory)
        facts = await self._engine.facts()
        await self._maker.have(directory, name)
        directory.state.unlink(missing_ok=True)  # whoever comes now does not take it for stopped
        await self._engine.start(name)
        found = await self._engine.container(name)
        process = identify(int(found["State"]["Pid"])) if found else None
        if process is None or not await _becomes_ours(process):
            await self._engine.kill(name)
            raise SandboxUnavailable(
                "The container's processes cannot be seen by this server, or ended at once (an image needs bash 5.1 "
                "or later). Run the server on the engine's own machine, outside of containers: see journeyman doctor."
            )
        try:
            await self._limit(process, own_namespace=facts.remapped_root is not None)
        except SandboxUnavailable:
            await self._engine.kill(name)
            raise
        Made.of(directory).save(found or {})
        state.save(directory.state, process)
        return process

    async def _limit(self, process: Process, *, own_namespace: bool) -> None:
        groups_of(process.pid, self._limits)[0].count_sockets(self._limits.socket_memory)
        if own_namespace:
            await limit_namespace(process.pid, self._limits)
        else:
            spare(process.pid)

    def _open(self, directory: Directory, process: Process) -> Channel:
        group, hard = groups_of(process.pid, self._limits)
        rules = Rules(self._limits, group, hard, Made.of(directory).written())
        return Channel(directory, process, self.owner(directory), rules, HostPopulation(process.pid, group.frozen))


async def _becomes_ours(process: Process) -> bool:
    """An engine may answer before its runtime has turned itself into the container's first program."""
    deadline = time.monotonic() + _BEGINNING
    while not _is_ours(process):
        if not lives(process) or time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK)
    return True


def _is_ours(process: Process) -> bool:
    """Whether it is a sandbox's first process, and its files can be reached."""
    try:
        words = Path("/proc", str(process.pid), "cmdline").read_bytes().split(b"\0")
        os.close(os.open(f"/proc/{process.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return False
    return PROGRAM[-1].encode() in words
