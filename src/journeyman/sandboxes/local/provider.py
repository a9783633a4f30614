"""The local provider: sandboxes on this machine, through an OCI runtime."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from journeyman.sandboxes.local.boxes import Boxes
from journeyman.sandboxes.local.builds import Builds
from journeyman.sandboxes.local.cgroups import find_cgroups
from journeyman.sandboxes.local.directory import Directories, Directory
from journeyman.sandboxes.local.disks import Disks
from journeyman.sandboxes.local.ground import HOST, Grounds
from journeyman.sandboxes.local.gvisor import Gvisor, is_gvisor
from journeyman.sandboxes.local.hosting import Hosting
from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.lifecycle import Keeper
from journeyman.sandboxes.local.limitchecks import limit_checks
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.mounts import apart, leave_host
from journeyman.sandboxes.local.probe import diagnose
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.runtime import Runtime
from journeyman.sandboxes.local.snapshots import KIND, Snapshots, freeze
from journeyman.sandboxes.local.stock import LocalStock
from journeyman.sandboxes.local.surroundings import Surroundings, hear
from journeyman.sandboxes.local.wayout import WayOut
from journeyman.sandboxes.port import Check


class LocalSandboxes(Hosting):
    """Implements `Sandboxes`. All calls belong to one event loop."""

    name = "local"

    def __init__(
        self,
        data_dir: Path,
        *,
        runtime: str = "runc",
        workdir: str = "/workspace",
        idle_stop_seconds: float = 900,
        idle_cap_seconds: float = 6 * 3600,
        limits: Limits | None = None,
        uid_base: int = 700_000,
        base: str = HOST,
        allow_private: Sequence[str] = (),
        ca_file: Path | None = None,
        own_disks: bool = True,
    ) -> None:
        super().__init__()
        self._limits = limits or Limits()
        self._directories = Directories(data_dir.absolute() / "sandboxes")
        self._runtime = (Gvisor if is_gvisor(runtime) else Runtime)(runtime, self._directories.path)
        images = Images(data_dir.absolute())
        self._way_out = WayOut(data_dir.absolute() / "egress", allow_private, ca_file, self._ask)
        self._grounds = Grounds(self._directories, images, base, self._way_out.certificate)
        self._snapshots = Snapshots(self._directories)
        self._disks = Disks(self._directories.path, self._limits.disk, wanted=own_disks)
        self._keeper = Keeper(
            self._directories,
            self._runtime,
            self._limits,
            self._grounds,
            self._disks,
            workdir=workdir,
            uid_base=uid_base,
        )
        self._workdir = workdir
        stock = LocalStock(images, self._grounds)
        self._builds = Builds(self._directories.path / "builds", stock, self, self._freeze)
        around = Surroundings(self._builds, self._way_out, base)
        self._boxes = Boxes(self._directories, self._keeper, idle_stop_seconds, idle_cap_seconds, around)
        self._way_out.listen(lambda sandbox, incident: hear(self._boxes.known(sandbox), incident))

    async def doctor(self) -> list[Check]:
        obstacle, own_kernel = await self._disks.obstacle(), self._runtime.own_kernel
        limits = limit_checks(find_cgroups().hard, self._limits, no_own_disks=obstacle, own_kernel=own_kernel)
        return [*await diagnose(self._directories.path, self._runtime), *limits]

    async def snapshot(self, sandbox: str) -> str:
        async with self._boxes.stopped(sandbox) as box:
            name = f"{KIND}-{secrets.token_hex(6)}"
            return self._snapshots.keep(await self._frozen(box.directory, name))

    async def _freeze(self, sandbox: str, layer: str) -> None:
        async with self._boxes.stopped(sandbox) as box:
            await self._frozen(box.directory, layer)

    async def _frozen(self, directory: Directory, layer: str) -> Record:
        def work() -> Record:
            leave_host()
            return freeze(directory, self._grounds.layers, layer, self._keeper.owner(directory)[0])

        return await apart(work)

    async def _sweep(self) -> None:
        for path in await asyncio.to_thread(self._snapshots.sweep, self._grounds.layers):
            await self._keeper.dispose(path)
