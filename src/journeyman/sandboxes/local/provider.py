"""The local provider: sandboxes on this machine, through an OCI runtime."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.boxes import Boxes
from journeyman.sandboxes.local.builds import BUILD, Builds
from journeyman.sandboxes.local.cgroups import find_cgroups
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directories, checked_name
from journeyman.sandboxes.local.execution import Execution
from journeyman.sandboxes.local.files import absolute, size_of
from journeyman.sandboxes.local.ground import HOST, Grounds
from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.lifecycle import Keeper
from journeyman.sandboxes.local.limitchecks import limit_checks
from journeyman.sandboxes.local.limits import Limits
from journeyman.sandboxes.local.probe import diagnose
from journeyman.sandboxes.local.reading import read_file
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.runlog import file_name
from journeyman.sandboxes.local.runtime import Runtime
from journeyman.sandboxes.local.shellrun import Command
from journeyman.sandboxes.local.shells import run_keyed
from journeyman.sandboxes.local.snapshots import Snapshots
from journeyman.sandboxes.local.surroundings import Surroundings, hear
from journeyman.sandboxes.local.wayout import WayOut
from journeyman.sandboxes.local.writing import Target, complete, write
from journeyman.sandboxes.port import (
    Check,
    ExecResult,
    FileData,
    Network,
    Run,
    SandboxError,
    SandboxEvent,
    SandboxInfo,
    ShellResult,
    Spec,
)

_INLINE = 256 << 10
"""Up to this size a write is cheaper than handing it to a thread."""
_RESTART = 30.0
_ASKING = 300.0
ASK = "ask-"
"""How the names of the sandboxes begin in which package managers are asked."""


class LocalSandboxes:
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
    ) -> None:
        self._limits = limits or Limits()
        self._directories = Directories(data_dir.absolute() / "sandboxes")
        self._runtime = Runtime(runtime, self._directories.path)
        images = Images(data_dir.absolute())
        self._way_out = WayOut(data_dir.absolute() / "egress", allow_private, self._ask)
        self._grounds = Grounds(self._directories, images, base, self._way_out.certificate)
        self._snapshots = Snapshots(self._directories, self._grounds.layers)
        self._keeper = Keeper(
            self._directories, self._runtime, self._limits, self._grounds, workdir=workdir, uid_base=uid_base
        )
        self._workdir = workdir
        self._workshops: set[str] = set()
        """The sandboxes in which this server installs packages or asks package managers."""
        self._builds = Builds(self._directories.path / "builds", images, self._grounds, self, self._freeze)
        around = Surroundings(self._builds, self._way_out, base)
        self._boxes = Boxes(self._directories, self._keeper, idle_stop_seconds, idle_cap_seconds, around)
        self._way_out.listen(lambda sandbox, incident: hear(self._boxes.known(sandbox), incident))

    async def doctor(self) -> list[Check]:
        limits = limit_checks(find_cgroups(), self._limits, own_disks=False)
        return [*await diagnose(self._directories.path, self._runtime), *limits]

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
        elif known.spec.network != spec.network:
            record.save(path, known.with_network(spec.network))
            await self._boxes.refresh(box)

    async def start(self, sandbox: str) -> None:
        async with self._in_use(sandbox):
            pass

    async def stop(self, sandbox: str) -> None:
        await self._boxes.stop(sandbox)

    async def destroy(self, sandbox: str) -> None:
        self._workshops.discard(sandbox)
        await self._boxes.destroy(sandbox)
        await self._sweep()

    async def snapshot(self, sandbox: str) -> str:
        async with self._boxes.stopped(sandbox) as box:
            return self._snapshots.take(box.directory, self._keeper.owner(box.directory)[0])

    async def restore(self, snapshot: str, sandbox: str) -> None:
        await asyncio.to_thread(self._snapshots.restore, snapshot, checked_name(sandbox))

    async def remove_snapshot(self, snapshot: str) -> None:
        self._snapshots.remove(snapshot)
        await self._sweep()

    async def _freeze(self, sandbox: str, layer: str) -> None:
        async with self._boxes.stopped(sandbox) as box:
            await asyncio.to_thread(self._keeper.freeze, box.directory, layer)

    async def _ask(self, base: str, script: str) -> str:
        """What a script prints in a sandbox of this base that is there for nothing else."""
        name = f"{ASK}{base}"
        await self.destroy(name)
        await self.create(name, Spec(base, network=Network("unrestricted")))
        try:
            run = Run(secrets.token_hex(8))
            result = await self.shell(name, script, run=run, timeout=_ASKING, output_limit=1_000_000)
            return result.output.decode(errors="replace")
        finally:
            await self.destroy(name)

    async def _sweep(self) -> None:
        for path in await asyncio.to_thread(self._snapshots.sweep):
            await self._keeper.dispose(path)

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

    async def shell(
        self, sandbox: str, script: str, *, run: Run, timeout: float, output_limit: int, shell: str = "main"
    ) -> ShellResult:
        if "\0" in script:
            raise SandboxError("The command contains a NUL character, which no shell can take.")
        text = script.encode(errors="surrogateescape")
        return await self._keyed(
            sandbox, run, Command(file_name(run.id), checked_name(shell), text, timeout, output_limit)
        )

    async def restart_shell(self, sandbox: str, *, run: Run, shell: str = "main") -> None:
        await self._keyed(sandbox, run, Command(file_name(run.id), checked_name(shell), None, _RESTART, 0))

    async def exec(
        self,
        sandbox: str,
        argv: list[str],
        *,
        cwd: str = "/workspace",
        stdin: bytes = b"",
        timeout: float = 60.0,
        output_limit: int = 1_000_000,
    ) -> ExecResult:
        if not argv or any("\0" in word for word in (cwd, *argv)):
            raise SandboxError("A program needs a name, and no argument may contain a NUL character.")
        async with self._in_use(sandbox) as (_, channel):
            return await Execution(channel, output_limit).run(argv, cwd, stdin, timeout)

    async def read(self, sandbox: str, path: str, *, offset: int = 0, limit: int) -> FileData:
        path = absolute(path, self._workdir)
        async with self._in_use(sandbox) as (_, channel):
            return await read_file(channel.root, path, offset, limit)

    async def write(
        self, sandbox: str, path: str, data: bytes, *, run: Run, note: str, if_sha256: str | None = None
    ) -> str:
        path = absolute(path, self._workdir)
        async with self._in_use(sandbox, run) as (box, channel), box.writing:
            known = self._finished(box, channel, run)
            if known is not None:
                return known
            target, key = self._target(box, channel), file_name(run.id)
            if max(len(data), size_of(channel.root, path)) > _INLINE:
                return await asyncio.to_thread(write, target, box.writes, key, path, data, note, if_sha256)
            return write(target, box.writes, key, path, data, note, if_sha256)

    async def recorded(self, sandbox: str, run: Run) -> str | None:
        box = await self._boxes.existing(sandbox)
        if box is None:
            return None
        key = file_name(run.id)
        note = box.writes.note(key)
        if note is not None or box.writes.begun(key) is None:
            return note
        async with self._in_use(sandbox, run) as (box, channel), box.writing:
            return self._finished(box, channel, run)

    def _finished(self, box: Box, channel: Channel, run: Run) -> str | None:
        key = file_name(run.id)
        note = box.writes.note(key)
        if note is not None:
            return note
        begun = box.writes.begun(key)
        return complete(self._target(box, channel), box.writes, key, *begun) if begun else None

    def _target(self, box: Box, channel: Channel) -> Target:
        return Target(channel.root, self._keeper.owner(box.directory))

    async def _keyed(self, sandbox: str, run: Run, command: Command) -> ShellResult:
        box = await self._boxes.get(sandbox)
        box.fence.check(run)
        with box.in_use():
            return await run_keyed(box, command, self._boxes.running)

    @contextlib.asynccontextmanager
    async def _in_use(self, sandbox: str, run: Run | None = None) -> AsyncGenerator[tuple[Box, Channel]]:
        box = await self._boxes.get(sandbox)
        if run is not None:
            box.fence.check(run)
        with box.in_use():
            yield box, await self._boxes.running(box)
