"""The life of sandboxes that are on this machine, whatever keeps them."""

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from journeyman.egress.injection import Injection
from journeyman.sandboxes.local import record, sharing, variables
from journeyman.sandboxes.local.builds import BUILD, Builds
from journeyman.sandboxes.local.calls import Calls
from journeyman.sandboxes.local.directory import checked_name
from journeyman.sandboxes.local.memory import Memory
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.runlog import file_name
from journeyman.sandboxes.local.snapshots import Snapshots
from journeyman.sandboxes.local.wayout import WayOut
from journeyman.sandboxes.port import Incident, Network, Run, SandboxEvent, SandboxInfo, Spec

_ASKING = 300.0
ASK = "ask-"
"""How the names of the sandboxes begin in which package managers are asked."""


class Hosting(Calls, ABC):
    """What providers on this machine have in common; each adds how images, environments and snapshots are kept."""

    _builds: Builds
    _snapshots: Snapshots
    _way_out: WayOut

    def __init__(self) -> None:
        self._workshops: set[str] = set()
        """The sandboxes in which this server installs packages or asks package managers."""

    @abstractmethod
    async def _sweep(self) -> None:
        """Remove what no sandbox and no snapshot has any more."""

    async def prepare(self, spec: Spec) -> None:
        await self._builds.ready(spec)

    async def create(self, sandbox: str, spec: Spec) -> None:
        if sandbox.startswith((ASK, BUILD)):
            self._workshops.add(sandbox)
        box = await self._boxes.get(sandbox)
        path = box.directory.record
        known = record.load(path) if path.exists() else None
        if known is None:
            record.save(path, Record(spec))
            return
        if known.spec.variables != spec.variables:
            record.save(path, known := known.with_variables(spec.variables))
            variables.put(box.directory)
        if known.spec.network != spec.network:
            record.save(path, known.with_network(spec.network))
            await self._boxes.refresh(box)

    async def entrust(self, sandbox: str, injections: Sequence[Injection]) -> None:
        await self._way_out.inject(sandbox, injections)

    async def share(self, sandbox: str, name: str, files: Mapping[str, bytes]) -> None:
        box = await self._boxes.get(sandbox)
        await asyncio.to_thread(sharing.fill, box.directory, name, files)

    async def announce(self, sandbox: str, incident: Incident) -> None:
        box = await self._boxes.get(sandbox)
        Memory(box.directory.shells).announce(incident)

    async def stop(self, sandbox: str) -> None:
        await self._boxes.stop(sandbox)

    async def destroy(self, sandbox: str) -> None:
        self._workshops.discard(sandbox)
        await self._boxes.destroy(sandbox)
        await self._sweep()

    async def restore(self, snapshot: str, sandbox: str) -> None:
        await asyncio.to_thread(self._snapshots.restore, snapshot, checked_name(sandbox))

    async def remove_snapshot(self, snapshot: str) -> None:
        self._snapshots.remove(snapshot)
        await self._sweep()

    async def _ask(self, base: str, script: str) -> str:
        """What a script prints in a sandbox of this base that is there for nothing else."""
        name = f"{ASK}{file_name(base)}"
        await self.destroy(name)
        await self.create(name, Spec(base, network=Network("unrestricted")))
        try:
            run = Run(secrets.token_hex(8))
            result = await self.shell(name, script, run=run, timeout=_ASKING, output_limit=1_000_000)
            return result.output.decode(errors="replace")
        finally:
            await self.destroy(name)

    async def expire(self, sandbox: str) -> bool:
        return await self._boxes.expire(checked_name(sandbox))

    async def inventory(self) -> list[SandboxInfo]:
        return await self._boxes.inventory()

    async def recover(self) -> list[SandboxInfo]:
        found = await self._boxes.recover()
        for info in found:
            if info.id.startswith((ASK, BUILD)) and info.id not in self._workshops:  # its server was killed
                await self.destroy(info.id)
        return [info for info in found if not info.id.startswith((ASK, BUILD))]

    async def close(self) -> None:
        await self._boxes.close()
        await self._way_out.close()

    def events(self) -> AsyncIterator[SandboxEvent]:
        return self._boxes.bulletin.listen()
