"""Making a sandbox's container, and what it finds of the host when it starts."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from journeyman.sandboxes.docker.container import CONTAINERENV, DATA, SLOT, config, fixed, seccomp
from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.furnishing import Model, furniture, model_of
from journeyman.sandboxes.docker.stock import EngineStock
from journeyman.sandboxes.local import record, variables
from journeyman.sandboxes.local.channel import make_pipes
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.furniture import OWN_ETC
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.memory import Memory
from journeyman.sandboxes.local.rootfs import Tree
from journeyman.sandboxes.local.seccomp import profile
from journeyman.sandboxes.port import Incident

_REMOVED = Incident(
    "replaced",
    "This is a new computer: the container of the one before was removed from the container engine, with all its "
    "files, installed packages and processes. What you need of them has to be made again.",
)


@dataclass(frozen=True, slots=True)
class Made:
    """That a container has run, and where the engine keeps what it writes."""

    path: Path

    @classmethod
    def of(cls, directory: Directory) -> "Made":
        return cls(directory.path / "container.json")

    def exists(self) -> bool:
        return self.path.exists()

    def save(self, container: dict[str, Any]) -> None:
        """As the engine describes it."""
        staged = self.path.with_suffix(".new")
        staged.write_bytes(orjson.dumps({"written": _written(container)}))
        staged.rename(self.path)

    def written(self) -> Path | None:
        place = orjson.loads(self.path.read_bytes())["written"] if self.exists() else None
        return Path(place) if place else None

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


class Maker:
    """Makes containers; starts none."""

    def __init__(self, engine: Engine, stock: EngineStock, limits: Limits, workdir: str) -> None:
        self._engine = engine
        self._stock = stock
        self._limits = limits
        self._workdir = workdir
        self._models: dict[str, Model] = {}
        """By image."""

    async def have(self, directory: Directory, name: str) -> None:
        """Have a container that does not run, and before it what it needs of the host."""
        found, made = await self._engine.container(name), Made.of(directory)
        if found is not None and made.exists():
            if found["State"]["Running"]:  # its server died before it could say so
                await self._engine.kill(name)
            await self._prepare(directory)
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
        await self._prepare(directory)
        labels = {DATA: self._stock.tag, SLOT: str(directory.slot)}
        image = await self._stock.reference(recorded)
        await self._engine.create(name, config(directory, image, labels, facts, self._limits, self._workdir))
        if not recorded.layers:  # else the sandbox they come from had it
            found = await self._engine.container(name) or {}
            await self._furnish(name, str(found.get("Image", "")))

    async def _prepare(self, directory: Directory) -> None:
        _prepare(directory, (await self._engine.facts()).owner)

    async def _furnish(self, name: str, image: str) -> None:
        if image not in self._models:
            self._models[image] = await model_of(self._engine, name)
        model, certificate = self._models[image], self._stock.certificate()
        await self._engine.put(name, await asyncio.to_thread(furniture, model, self._workdir, certificate))


def _prepare(directory: Directory, owner: tuple[int, int]) -> None:
    """What a container finds of the host when it starts."""
    if os.geteuid() == 0:  # passable by the sandbox's own users, and by nobody else of the host
        os.chown(directory.path, 0, owner[1])
        directory.path.chmod(0o710)
    shutil.rmtree(directory.io, ignore_errors=True)
    make_pipes(directory.io, owner)
    variables.put(directory)
    etc = Tree(directory.path, owner)
    etc.directory(fixed(directory).name)
    for name, text in OWN_ETC.items():
        etc.file(f"{fixed(directory).name}/{name}", text)
    etc.file(f"{fixed(directory).name}/{CONTAINERENV}", "")
    seccomp(directory).write_bytes(orjson.dumps(profile()))


def _written(container: dict[str, Any]) -> str | None:
    """Where an engine that uses overlays keeps what a container writes."""
    driver = cast("dict[str, dict[str, str] | None]", container.get("GraphDriver") or {})
    upper = (driver.get("Data") or {}).get("UpperDir")
    return str(Path(upper).parent) if upper else None
