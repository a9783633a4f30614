"""The sandboxes of this server: found, started, stopped, let go."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol

from journeyman.sandboxes.local import state
from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directories, Directory
from journeyman.sandboxes.local.incidents import Bulletin
from journeyman.sandboxes.local.keeping import Keeper
from journeyman.sandboxes.local.rest import Rest
from journeyman.sandboxes.local.saving import save
from journeyman.sandboxes.local.shells import adopt
from journeyman.sandboxes.port import SandboxError, SandboxInfo


class Around(Protocol):
    """What a start needs besides the sandbox itself."""

    async def before(self, box: Box) -> None:
        """Have its base and packages ready."""
        ...

    async def after(self, box: Box, channel: Channel) -> None:
        """Open its way out."""
        ...


class Boxes:
    def __init__(
        self, directories: Directories, keeper: Keeper, idle_stop: float, idle_cap: float, around: Around
    ) -> None:
        self._around = around
        self._directories = directories
        self._keeper = keeper
        self._boxes: dict[str, Box] = {}
        self.bulletin = Bulletin()
        self._rest = Rest(self._stop_at_rest, idle_stop, idle_cap)
        # A start is all processor time: more at once than processors would only make every one of them late.
        self._starts = asyncio.Semaphore(max(2, os.cpu_count() or 2))
        self._clearing = asyncio.Semaphore(max(2, os.cpu_count() or 2))

    async def get(self, sandbox: str) -> Box:
        """The sandbox's box; it is given a directory if need be. To be marked as used before anything is awaited."""
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
        async with self._changing(sandbox) as box:
            if box is None:
                return
            await self._stop(box)

    @contextlib.asynccontextmanager
    async def stopped(self, sandbox: str) -> AsyncGenerator[Box]:
        """Stop a sandbox and keep it so for a while."""
        await self.get(sandbox)
        async with self._changing(sandbox) as box:
            if box is None:
                raise SandboxError(f"The sandbox {sandbox} was removed meanwhile.")
            await self._stop(box)
            yield box

    async def _stop(self, box: Box) -> None:
        channel = box.open_channel or self._keeper.find(box.directory)
        if channel is not None:
            self._attached(box, channel)
            with box.detached():
                (await save(channel, box.busy)).keep()
        await self._end(box, channel)

    async def destroy(self, sandbox: str) -> None:
        async with self._changing(sandbox) as box:
            self._directories.forget(sandbox)
            if box is not None:
                await self._remove(box)

    async def expire(self, sandbox: str) -> bool:
        async with self._changing(sandbox) as box:
            if box is not None and not box.is_idle:
                return False
            if box is not None:
                self._directories.expire(sandbox)
                await self._remove(box)
            return True

    async def inventory(self) -> list[SandboxInfo]:
        found = await asyncio.to_thread(lambda: [self._described(*each) for each in self._directories.all()])
        went = self._directories.expired()
        used = {name for name, box in self._boxes.items() if not box.is_idle}
        gone = [SandboxInfo(name, "expired", None, at) for name, at in went.items()]
        return [info._replace(in_use=info.id in used) for info in found if info is not None] + gone

    async def recover(self) -> list[SandboxInfo]:
        """Attach to what lives and clear away what does not."""
        strays = await self._keeper.stray_slots()
        if strays:
            await asyncio.to_thread(self._directories.reserve, strays)
        orphans = await asyncio.to_thread(self._directories.orphans)
        found = await asyncio.to_thread(lambda: list(self._directories.all()))
        unsettled = await asyncio.to_thread(lambda: [name for name, each in found if not self._keeper.is_settled(each)])
        await asyncio.gather(
            *(self._clear(orphan) for orphan in orphans),
            *(self._dispose(path) for path in self._directories.discarded()),
            *(self._recover(name) for name in unsettled),
        )
        return [info for info in await self.inventory() if info.state != "expired"]

    async def close(self) -> None:
        await self._rest.close()
        for box in self._boxes.values():
            box.close()
        self._boxes.clear()
        self.bulletin.close()

    def _described(self, name: str, directory: Directory) -> SandboxInfo | None:
        try:
            created = self._directories.created(name)
        except FileNotFoundError:
            return None
        process = state.living(directory.state)
        return SandboxInfo(name, "running" if process else "stopped", process.pid if process else None, created)

    async def _recover(self, name: str) -> None:
        async with self._clearing, self._changing(name) as box:
            if box is None or box.open_channel is not None:
                return
            await self._keeper.settle(box.directory)
            channel = self._keeper.find(box.directory)
            if channel is None:
                self._let_go(box)
                return
            self._attached(box, channel)
            await self._around.after(box, channel)

    async def _clear(self, orphan: Directory) -> None:
        async with self._clearing:
            await self._keeper.remove(orphan)

    async def _dispose(self, path: Path) -> None:
        async with self._clearing:
            await self._keeper.dispose(path)

    async def _start(self, box: Box) -> None:
        async with box.changing:
            if box.gone:
                raise SandboxError("The sandbox was removed meanwhile. Try again.")
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
        self._rest.watch(box)

    async def _end(self, box: Box, channel: Channel | None) -> None:
        try:
            await self._keeper.end(box.directory)
        finally:
            if channel is not None:
                channel.end()

    async def _remove(self, box: Box) -> None:
        """Of a sandbox that nobody finds by its name any more."""
        box.gone = True
        channel, box.channel = box.channel, None
        del self._boxes[box.name]
        try:
            await self._keeper.remove(box.directory)
        finally:
            if channel is not None:
                channel.end()
            box.close()

    def _let_go(self, box: Box) -> None:
        """Of one that does not run and is not used: the files say all there is to say."""
        if box.is_idle and self._boxes.get(box.name) is box:
            del self._boxes[box.name]
            box.close()

    async def _stop_at_rest(self, box: Box) -> bool:
        """Stop it unless it is used meanwhile; whether it is stopped."""
        async with self._clearing, box.changing:
            channel = box.open_channel
            if channel is None or not box.is_idle:
                return channel is None
            with box.detached():
                saved = await save(channel, set())
                if not box.is_idle:
                    box.channel = channel
                    return False
                saved.keep()
            await self._end(box, channel)
            self._let_go(box)
            return True

    @contextlib.asynccontextmanager
    async def _changing(self, sandbox: str) -> AsyncGenerator[Box | None]:
        """Its box if it exists, and nobody else starts, stops or removes it."""
        while (box := await self.existing(sandbox)) is not None:
            async with box.changing:
                if self._boxes.get(sandbox) is box:
                    yield box
                    return
        yield None
