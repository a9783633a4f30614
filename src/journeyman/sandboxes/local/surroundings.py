"""What a sandbox needs besides itself: before it starts its base and packages, and then its way out."""

import asyncio
from dataclasses import replace

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.builds import Builds
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.ground import HOST
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.wayout import WayOut
from journeyman.sandboxes.port import Incident, Spec


class Surroundings:
    def __init__(self, builds: Builds, way_out: WayOut, default_base: str) -> None:
        self._builds = builds
        self._way_out = way_out
        self._default = default_base

    async def before(self, box: Box) -> None:
        found = record.load(box.directory.record)
        if found.prepared or (not found.spec.packages and self._base(found.spec) == HOST):
            return
        base, layers = await self._builds.ready(found.spec)
        found = Record(replace(found.spec, base=base), (*found.layers, *layers), prepared=True)
        await asyncio.to_thread(record.save, box.directory.record, found)

    async def after(self, box: Box, channel: Channel) -> None:
        spec = record.load(box.directory.record).spec
        await self._way_out.open(box.name, channel.init, self._base(spec), spec.network)

    def _base(self, spec: Spec) -> str:
        return spec.base or self._default


def hear(box: Box | None, incident: Incident) -> None:
    """A connection of a sandbox was refused."""
    if box is None or box.channel is None:
        return
    if not box.flights:
        box.channel.denied.clear()  # nobody is left whom the earlier ones concern
    box.channel.denied.append(incident)
    if not box.flights:
        box.bulletin.report(box.name, incident)
