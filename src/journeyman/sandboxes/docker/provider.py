"""The docker provider: sandboxes that are containers of an engine on this machine."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from journeyman.sandboxes.docker.bases import EngineBases
from journeyman.sandboxes.docker.checks import examine
from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.keeper import EngineKeeper
from journeyman.sandboxes.docker.stock import EngineStock
from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.boxes import Boxes
from journeyman.sandboxes.local.builds import Builds
from journeyman.sandboxes.local.directory import Directories
from journeyman.sandboxes.local.hosting import Hosting
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.snapshots import KIND, Snapshots
from journeyman.sandboxes.local.surroundings import Surroundings, hear
from journeyman.sandboxes.local.wayout import WayOut
from journeyman.sandboxes.port import Check

SOCKET = "/var/run/docker.sock"
BASE = "debian-min"


class DockerSandboxes(Hosting):
    """Implements `Sandboxes`. All calls belong to one event loop.

    A snapshot is not made in constant time: the engine copies what the sandbox has changed.
    """

    name = "docker"

    def __init__(
        self,
        data_dir: Path,
        *,
        socket: str = SOCKET,
        workdir: str = "/workspace",
        idle_stop_seconds: float = 900,
        idle_cap_seconds: float = 6 * 3600,
        limits: Limits | None = None,
        base: str = BASE,
        allow_private: Sequence[str] = (),
        ca_file: Path | None = None,
    ) -> None:
        super().__init__()
        self._limits = limits or Limits()
        self._engine = Engine(socket)
        self._directories = Directories(data_dir.absolute() / "sandboxes")
        self._way_out = WayOut(data_dir.absolute() / "egress", allow_private, ca_file, self._ask)
        bases = EngineBases(data_dir.absolute(), socket, base)
        self._stock = EngineStock(self._engine, bases, self._directories.tag, base, self._way_out.certificate)
        self._snapshots = Snapshots(self._directories)
        self._containers = EngineKeeper(self._directories, self._engine, self._stock, self._limits, workdir=workdir)
        self._keeper = self._containers
        self._workdir = workdir
        self._builds = Builds(self._directories.path / "builds", self._stock, self, self._freeze)
        around = Surroundings(self._builds, self._way_out, base)
        self._boxes = Boxes(self._directories, self._keeper, idle_stop_seconds, idle_cap_seconds, around)
        self._way_out.listen(lambda sandbox, incident: hear(self._boxes.known(sandbox), incident))

    async def doctor(self) -> list[Check]:
        return await examine(self._engine, self._stock, self._limits)

    async def snapshot(self, sandbox: str) -> str:
        async with self._boxes.stopped(sandbox) as box:
            found = record.load(box.directory.record)
            if not self._containers.has_files(box.directory):
                return self._snapshots.keep(found)
            layer = f"{KIND}-{secrets.token_hex(6)}"
            snapshot = self._snapshots.keep(found.with_layer(layer))  # first, so that no sweep takes the layer away
            try:
                await self._containers.commit(box.directory, layer)
            except BaseException:
                self._snapshots.remove(snapshot)
                raise
            return snapshot

    async def close(self) -> None:
        await super().close()
        await self._engine.close()

    async def _freeze(self, sandbox: str, layer: str) -> None:
        async with self._boxes.stopped(sandbox) as box:
            await self._containers.commit(box.directory, layer)

    async def _sweep(self) -> None:
        await self._stock.sweep(await asyncio.to_thread(self._snapshots.wanted), KIND)
