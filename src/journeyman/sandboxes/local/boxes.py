"""The sandboxes of this server: found, started, stopped when idle, let go."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import Protocol

from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directories
from journeyman.sandboxes.local.incidents import Bulletin
from journeyman.sandboxes.local.lifecycle import Keeper
from journeyman.sandboxes.local.shells import adopt
from journeyman.sandboxes.port import SandboxInfo

_LOOKS = 10
"""How often an idle sandbox is looked at before it is stopped."""


class Around(Protocol):
    """What a start needs besides the sandbox itself."""

    async def before(self, box: Box) -> None:
        """Have its base and packages ready."""
        ...

    async def after(self, box: Box, channel: Channel) -> None:
        """Open its way out."""
        ...


class Boxes:
    def __init__(self, directories: Directories, keeper: Keeper, idle_stop: float, around: Around) -> None:
        self._around = around
        self._directories = directories
        self._keeper = keeper
        self._idle_stop = idle_stop
        self._boxes: dict[str, Box] = {}
        self.bulletin = Bulletin()
        self._watch: asyncio.Task[None] | None = None
        # A start is all processor time: more at once than processors would only make every one of them late.
        self._starts = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    async def get(self, sandbox: str) -> Box:
        """The sandbox's box; it is given a directory if need be."""
        box = self._boxes.get(sandbox)
        if box is None:
            directory = await asyncio.to_thread(self._directories.make, sandbox)
            box = self._boxes.get(sandbox) or Box(sandbox, directory, self.bulletin)
            self._boxes[sandbox] = box
        return box

    async def refresh(self, box: Box) -> None:
        """Its network has changed."""
        async with box.changing:
            if box.open_channel is not None:
                await self._around.after(box, box.open_channel)

    def known(self, sandbox: str) -> Box | None:
        """The box, if this server has had to do with it."""
        return self._boxes.get(sandbox)

    async def existing(self, sandbox: str) -> Box | None:
        """The box of a sandbox that was made before."""
        if sandbox not in self._boxes and self._directories.find(sandbox) is None:
            return None
        return await self.get(sandbox)

    async def running(self, box: Box) -> Channel:
        """The channel of a sandbox that runs, started if need be; single-flight. Raises SandboxUnavailable."""
        while (channel := box.open_channel) is None:
            if box.starting is None:
                box.starting = asyncio.get_running_loop().create_task(self._start(box))
                box.starting.add_done_callback(lambda _: setattr(box, "starting", None))
            # A cancelled caller leaves the start going.
            await asyncio.shield(box.starting)
        return channel

    async def stop(self, sandbox: str) -> None:
        box = await self.existing(sandbox)
        if box is not None:
            async with box.changing:
                await self._end(box)

    async def destroy(self, sandbox: str) -> None:
        box = await self.existing(sandbox)
        if box is None:
            return
        async with box.changing:
            await self._end(box)
            self._boxes.pop(sandbox, None)
            box.close()
            self._directories.forget(sandbox)
            await self._keeper.remove(box.directory.path)

    @contextlib.asynccontextmanager
    async def stopped(self, sandbox: str) -> AsyncGenerator[Box]:
        """Stop a sandbox and keep it so for a while."""
        box = await self.get(sandbox)
        async with box.changing:
            await self._end(box)
            yield box

    async def recover(self) -> list[SandboxInfo]:
        """Attach to what lives and clear away what does not."""
        for orphan in await asyncio.to_thread(self._directories.orphans):
            await self._keeper.end(orphan)
            await self._keeper.remove(orphan.path)
        return [await self._recover(name) for name, _ in list(self._directories.all())]

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for box in self._boxes.values():
            box.close()
        self._boxes.clear()
        self.bulletin.close()

    async def _recover(self, name: str) -> SandboxInfo:
        box = await self.get(name)
        async with box.changing:
            channel = box.open_channel or self._keeper.find(box.directory)
            if channel is None:
                await self._keeper.end(box.directory)
                return SandboxInfo(name, "stopped", None)
            self._attached(box, channel)
            await self._around.after(box, channel)
        return SandboxInfo(name, "running", channel.init)

    async def _start(self, box: Box) -> None:
        async with box.changing:
            if box.open_channel is None:
                await self._around.before(box)
                async with self._starts:
                    channel = await self._keeper.attach(box.directory)
                try:
                    await self._around.after(box, channel)
                except BaseException:
                    channel.close()
                    raise
                self._attached(box, channel)

    def _attached(self, box: Box, channel: Channel) -> None:
        if box.channel is not channel:
            box.channel = channel
            adopt(box, channel)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._stop_idle())

    async def _end(self, box: Box) -> None:
        await self._keeper.end(box.directory)
        if box.channel is not None:
            box.channel.end()
            box.channel = None

    async def _stop_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._idle_stop / _LOOKS)
            for box in list(self._boxes.values()):
                if box.open_channel and box.is_idle and loop.time() - box.last_used >= self._idle_stop:
                    async with box.changing:
                        if box.is_idle:
                            await self._end(box)
