"""Containers as sandboxes: made, started, found again, ended, removed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from journeyman.egress.identity import Process, identify
from journeyman.sandboxes.docker.container import CONTAINERENV, DATA, FIXED_ETC, SLOT, config, fixed, seccomp
from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.furnishing import Model, furniture, model_of
from journeyman.sandboxes.docker.groups import groups_of
from journeyman.sandboxes.docker.stock import EngineStock
from journeyman.sandboxes.local import record, state
from journeyman.sandboxes.local.bundle import PROGRAM
from journeyman.sandboxes.local.channel import Channel, make_pipes
from journeyman.sandboxes.local.directory import Directories, Directory, held
from journeyman.sandboxes.local.ending import discard, dispose, kill
from journeyman.sandboxes.local.furniture import OWN_ETC
from journeyman.sandboxes.local.guard import Rules
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.memory import Memory
from journeyman.sandboxes.local.rootfs import Tree
from journeyman.sandboxes.local.runtime import limit_namespace, spare
from journeyman.sandboxes.local.seccomp import profile
from journeyman.sandboxes.port import Incident, SandboxUnavailable

_REMOVED = Incident(
    "replaced",
    "This is a new computer: the container of the one before was removed from the container engine, with all its "
    "files, installed packages and processes. What you need of them has to be made again.",
)


@dataclass(frozen=True, slots=True)
class _Made:
    """That a container has run, and where the engine keeps what it writes."""

    path: Path

    def exists(self) -> bool:
        return self.path.exists()

    def save(self, written: str | None) -> None:
        staged = self.path.with_suffix(".new")
        staged.write_bytes(orjson.dumps({"written": written}))
        staged.rename(self.path)

    def written(self) -> Path | None:
        place = orjson.loads(self.path.read_bytes())["written"] if self.exists() else None
        return Path(place) if place else None

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


class EngineKeeper:
    """Implements `Keeper`."""

    def __init__(
        self, directories: Directories, engine: Engine, stock: EngineStock, limits: Limits, *, workdir: str
    ) -> None:
        self._directories = directories
        self._engine = engine
        self._stock = stock
        self._limits = limits
        self._workdir = workdir
        self._models: dict[str, Model] = {}
        """By image."""

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
            await self._engine.remove(self._name(directory))

        gone = await discard(self._directories, directory, clear)
        if gone is not None:
            await self.dispose(gone)

    async def dispose(self, path: Path) -> None:
        await dispose(path)

    async def stray_slots(self) -> set[int]:
        if not self._directories.path.is_dir():
            return set()
        found = await self._engine.containers(f"{DATA}={self._stock.tag}")
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
        await self._stock.commit(self._name(directory), layer)

    def has_files(self, directory: Directory) -> bool:
        """Whether it was ever started."""
        return _made(directory).exists()

    async def _end(self, directory: Directory) -> None:
        process = state.living(directory.state)
        if process is not None:
            groups_of(process.pid, self._limits)[0].thaw()  # a server may have died while it was frozen
            await kill(process)
            await self._engine.kill(self._name(directory))
        elif not self.is_settled(directory):  # a server may have died before it could say that it runs
            await self._engine.kill(self._name(directory))
        state.save(directory.state, None)

    async def _start(self, directory: Directory) -> Process:
        name = self._name(directory)
        facts = await self._engine.facts()
        await self._have(directory, name)
        _prepare(directory, facts.owner)
        directory.state.unlink(missing_ok=True)  # whoever comes now does not take it for stopped
        await self._engine.start(name)
        found = await self._engine.container(name)
        process = identify(int(found["State"]["Pid"])) if found else None
        if process is None or not _is_ours(process):
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
        _made(directory).save(_written(found or {}))
        state.save(directory.state, process)
        return process

    async def _limit(self, process: Process, *, own_namespace: bool) -> None:
        groups_of(process.pid, self._limits)[0].count_sockets(self._limits.socket_memory)
        if own_namespace:
            await limit_namespace(process.pid, self._limits)
        else:
            spare(process.pid)

    async def _have(self, directory: Directory, name: str) -> None:
        """Have a container that does not run."""
        found, made = await self._engine.container(name), _made(directory)
        if found is not None and made.exists():
            if found["State"]["Running"]:  # its server died before it could say so
                await self._engine.kill(name)
            return
        if found is not None:
            await self._engine.remove(name)  # never started: it may be half made, and what kept it may be mended
        elif made.exists():
            made.forget()
            shutil.rmtree(directory.shells, ignore_errors=True)
            Memory(directory.shells).announce(_REMOVED)
        await self._create(directory, name)

    async def _create(self, directory: Directory, name: str) -> None:
        facts, recorded = await self._engine.facts(), record.load(directory.record)
        _prepare(directory, facts.owner)
        labels = {DATA: self._stock.tag, SLOT: str(directory.slot)}
        image = await self._stock.reference(recorded)
        await self._engine.create(name, config(directory, image, labels, facts, self._limits, self._workdir))
        if not recorded.layers:  # else the sandbox they come from had it
            found = await self._engine.container(name) or {}
            await self._furnish(name, str(found.get("Image", "")))

    async def _furnish(self, name: str, image: str) -> None:
        if image not in self._models:
            self._models[image] = await model_of(self._engine, name)
        await self._engine.put(name, furniture(self._models[image], self._workdir, self._stock.certificate()))

    def _open(self, directory: Directory, process: Process) -> Channel:
        group, hard = groups_of(process.pid, self._limits)
        rules = Rules(self._limits, group, hard, _made(directory).written())
        return Channel(directory, process, self.owner(directory), rules)

    def _name(self, directory: Directory) -> str:
        return f"journeyman-{self._stock.tag}-{directory.slot}"


def _prepare(directory: Directory, owner: tuple[int, int]) -> None:
    """What a container finds of the host when it starts."""
    if os.geteuid() == 0:  # passable by the sandbox's own users, and by nobody else of the host
        os.chown(directory.path, 0, owner[1])
        directory.path.chmod(0o710)
    shutil.rmtree(directory.io, ignore_errors=True)
    make_pipes(directory.io, owner)
    etc = Tree(directory.path, owner)
    etc.directory(fixed(directory).name)
    for name in FIXED_ETC:
        etc.file(f"{fixed(directory).name}/{name}", OWN_ETC[name])
    etc.file(f"{fixed(directory).name}/{CONTAINERENV}", "")
    seccomp(directory).write_bytes(orjson.dumps(profile()))


def _written(container: dict[str, Any]) -> str | None:
    """Where an engine that uses overlays keeps what a container writes."""
    driver = cast("dict[str, dict[str, str] | None]", container.get("GraphDriver") or {})
    upper = (driver.get("Data") or {}).get("UpperDir")
    return str(Path(upper).parent) if upper else None


def _made(directory: Directory) -> _Made:
    return _Made(directory.path / "container.json")


def _is_ours(process: Process) -> bool:
    """Whether it is a sandbox's first process, and its files can be reached."""
    try:
        words = Path("/proc", str(process.pid), "cmdline").read_bytes().split(b"\0")
        os.close(os.open(f"/proc/{process.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError:
        return False
    return PROGRAM[-1].encode() in words
