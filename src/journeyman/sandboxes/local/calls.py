"""Calls in a sandbox that is on this machine: shells, programs, files."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.boxes import Boxes
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import checked_name
from journeyman.sandboxes.local.execution import Execution
from journeyman.sandboxes.local.files import absolute, exists, size_of
from journeyman.sandboxes.local.keeping import Keeper
from journeyman.sandboxes.local.reading import read_file
from journeyman.sandboxes.local.runlog import file_name
from journeyman.sandboxes.local.scanning import scan
from journeyman.sandboxes.local.shellrun import Command
from journeyman.sandboxes.local.shells import run_keyed
from journeyman.sandboxes.local.writing import Target, complete, write
from journeyman.sandboxes.port import Entry, ExecResult, FileData, Run, SandboxError, ShellResult

_INLINE = 256 << 10
"""Up to this size a write is cheaper than handing it to a thread."""
_RESTART = 30.0
_ASKING = 10.0
_IS_PIPE = 'until [ -e "$1" ]; do set -- "${1%/*}"; [ "$1" ] || exit 1; done; [ -p "$1" ]'
"""Whether a path, or what there is of it, is a named pipe."""


class Calls:
    """Implements `Runner` and `Files` over a keeper's sandboxes. All calls belong to one event loop."""

    _boxes: Boxes
    _keeper: Keeper
    _workdir: str

    async def start(self, sandbox: str) -> None:
        async with self._in_use(sandbox):
            pass

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

    async def scan(self, sandbox: str, path: str, *, limit: int) -> list[Entry]:
        path = absolute(path, self._workdir)
        async with self._in_use(sandbox) as (_, channel):
            return scan(channel.root, path, limit)

    async def write(
        self, sandbox: str, path: str, data: bytes, *, run: Run, note: str, if_sha256: str | None = None
    ) -> str:
        path = absolute(path, self._workdir)
        async with self._in_use(sandbox, run) as (box, channel), box.writing:
            known = self._finished(box, channel, run)
            if known is not None:
                return known
            await self._refuse_unseen(channel, path)
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

    async def _refuse_unseen(self, channel: Channel, path: str) -> None:
        """Raises SandboxError when a path is taken by what only the sandbox's own kernel knows: a named pipe."""
        if channel.population.seen or exists(channel.root, path):
            return
        found = await Execution(channel, 0).run(["sh", "-c", _IS_PIPE, "sh", path], "/", b"", _ASKING)
        if found.exit_code == 0:
            raise SandboxError(f"{path} is not a regular file.")

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
