"""The memory stores of one session: files in its sandbox, kept the same as the store, both ways.

What the agent writes is a version of the memory before the tool's result is in the log. Where both have changed, the
store wins, and what the agent wrote is kept beside it.
"""

import asyncio
import contextlib
import hashlib
import io
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from journeyman.runtime.unpacking import unpack
from journeyman.sandboxes.port import Entry, Run, SandboxError, Sandboxes
from journeyman.store.port import Edit, Held
from journeyman.wire.ids import new_id
from journeyman.wire.memories import MOST_BYTES, content_problem, path_problem
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_BATCH = 500
_MOST = 20_000
"""Files of a mount that are looked at."""
_AGAIN = 0.5
"""Seconds between two looks while a tool runs."""
_LOSER = ".conflict-"
_SECOND = 1_000_000_000


class MemoryRows(Protocol):
    """The store of memories, as far as sandboxes are concerned."""

    async def changes(self, store_ids: Sequence[str]) -> Mapping[str, int]: ...
    async def listing(self, store_id: str) -> Mapping[str, str]: ...
    async def contents(self, store_id: str, paths: Sequence[str]) -> Mapping[str, str]: ...
    async def held(self, session_id: str, store_id: str) -> Mapping[str, Held]: ...
    async def hold(
        self, session_id: str, store_id: str, held: Mapping[str, Held | None], *, fresh: bool = False
    ) -> None: ...
    async def apply(self, session_id: str, store_id: str, edit: Edit) -> str: ...


@dataclass(slots=True)
class _Mount:
    """One store as this process knows it."""

    resource: JsonObject
    seen: int = -1
    """So many changes of the store are in the sandbox."""
    held: dict[str, Held] = field(default_factory=dict[str, Held])
    refused: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Files that were told to be refused, as they were then."""
    placed: bool = False

    @property
    def store_id(self) -> str:
        return self.resource["memory_store_id"]

    @property
    def path(self) -> str:
        return self.resource["mount_path"]

    @property
    def name(self) -> str:
        """Of its directory, which is what a provider shares it by."""
        return self.path.rpartition("/")[2]

    @property
    def is_shared(self) -> bool:
        """The sandbox can only read it."""
        return self.resource["access"] == "read_only"


class Memory:
    """A session without stores pays nothing."""

    def __init__(
        self, rows: MemoryRows | None, sandboxes: Sandboxes, session_id: str, fence: int, stores: Sequence[JsonObject]
    ) -> None:
        self._rows = rows
        self._sandboxes = sandboxes
        self._session = session_id
        self._fence = fence
        self._mounts = [_Mount(resource) for resource in stores] if rows is not None else []
        self._told: list[str] = []
        self._working = asyncio.Lock()

    @property
    def shares(self) -> tuple[tuple[str, str], ...]:
        """What the sandbox is to have read-only: name and place."""
        return tuple((mount.name, mount.path) for mount in self._mounts if mount.is_shared)

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """In place, and the same as the stores for as long as something is done. Raises SandboxError."""
        if not self._mounts:
            yield
            return
        await self._sync()
        task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def flush(self) -> Sequence[str]:
        """Have what the agent did in the stores; what of it was refused, for the model. Raises SandboxError."""
        if self._mounts:
            await self._sync()
        told, self._told = self._told, []
        return told

    def notes(self) -> Sequence[str]:
        """For the model."""
        return [_note(mount.resource) for mount in self._mounts]

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            with contextlib.suppress(SandboxError):
                await self._sync()

    async def _sync(self) -> None:
        async with self._working:
            rows = self._rows
            assert rows is not None
            for mount in self._mounts:
                if not mount.is_shared:
                    await self._push(rows, mount)
            changes = await rows.changes([mount.store_id for mount in self._mounts])
            for mount in self._mounts:
                if changes.get(mount.store_id, mount.seen) != mount.seen:
                    await (self._share if mount.is_shared else self._pull)(rows, mount)
                    mount.seen = changes[mount.store_id]

    async def _share(self, rows: MemoryRows, mount: _Mount) -> None:
        paths = list(await rows.listing(mount.store_id))
        found = await rows.contents(mount.store_id, paths)
        files = {path.removeprefix("/"): content.encode() for path, content in found.items()}
        await self._sandboxes.share(self._session, mount.name, files)

    async def _push(self, rows: MemoryRows, mount: _Mount) -> None:
        """What the agent has changed."""
        await self._place(rows, mount)
        entries = {
            f"/{entry.path}": entry
            for entry in await self._sandboxes.scan(self._session, mount.path, limit=_MOST)
            if _LOSER not in entry.path
        }
        for path, entry in entries.items():
            held = mount.held.get(path)
            is_known = held is not None and (held.size, held.changed) == (entry.size, entry.changed)
            if not is_known and mount.refused.get(path) != entry:
                await self._write(rows, mount, path, entry)
        if len(entries) < _MOST:
            for path in [path for path in mount.held if path not in entries]:
                await self._apply(rows, mount, Edit(path, None, mount.held[path]))

    async def _write(self, rows: MemoryRows, mount: _Mount, path: str, entry: Entry) -> None:
        with contextlib.suppress(FileNotFoundError):
            found = await self._sandboxes.read(self._session, f"{mount.path}{path}", limit=MOST_BYTES + 1)
            content, problem = _text(path, found.data)
            if problem is None:
                edit = Edit(path, content, mount.held.get(path), entry.size, entry.changed)
                problem = await self._apply(rows, mount, edit)
            if problem is not None:
                mount.refused[path] = entry
                self._told.append(f"{mount.path}{path} is not kept in the memory store: {problem}.")

    async def _apply(self, rows: MemoryRows, mount: _Mount, edit: Edit) -> str | None:
        """Why it was refused, if it was."""
        outcome = await rows.apply(self._session, mount.store_id, edit)
        if outcome == "conflict":
            await self._lose(rows, mount, edit)
        elif outcome != "saved":
            return outcome
        else:
            mount.refused.pop(edit.path, None)
            mount.held.pop(edit.path, None)
            if edit.content is not None:
                sha256 = hashlib.sha256(edit.content.encode()).hexdigest()
                mount.held[edit.path] = Held(sha256, edit.size, edit.changed)
        return None

    async def _lose(self, rows: MemoryRows, mount: _Mount, edit: Edit) -> None:
        """The store wins: what the agent wrote is kept beside what it has."""
        place = f"{mount.path}{edit.path}"
        told = f"{place} was changed in the memory store meanwhile, and is as it is there."
        if edit.content is not None:
            beside = f"{place}{_LOSER}{new_id('x')[-8:]}"
            run = Run(new_id("memory"), self._fence)
            await self._sandboxes.write(self._session, beside, edit.content.encode(), run=run, note="kept")
            told += f" What you wrote is in {beside}, which is not kept in the store."
        self._told.append(told)
        mount.held.pop(edit.path, None)
        await rows.hold(self._session, mount.store_id, {edit.path: None})
        mount.seen = -1

    async def _pull(self, rows: MemoryRows, mount: _Mount) -> None:
        """What others have changed."""
        listed = await rows.listing(mount.store_id)
        wanted = [
            path for path, sha256 in listed.items() if path not in mount.held or mount.held[path].sha256 != sha256
        ]
        gone = [path for path in mount.held if path not in listed]
        for start in range(0, len(gone), _BATCH):
            names = [f"{mount.path}{path}" for path in gone[start : start + _BATCH]]
            await self._sandboxes.exec(self._session, ["rm", "-f", "--", *names], cwd="/")
        found, at = await rows.contents(mount.store_id, wanted), now_us() // 1_000_000
        if found:
            await unpack(self._sandboxes, self._session, _once(_packed(found, at)), mount.path)
        changed: dict[str, Held | None] = dict.fromkeys(gone)
        changed |= {path: Held(listed[path], len(text.encode()), at * _SECOND) for path, text in found.items()}
        await rows.hold(self._session, mount.store_id, changed)
        mount.held = {path: held for path, held in {**mount.held, **changed}.items() if held is not None}

    async def _place(self, rows: MemoryRows, mount: _Mount) -> None:
        """Have the directory in the sandbox, which may be a new one."""
        is_there = await self._sandboxes.recorded(self._session, self._mark(mount)) is not None
        if is_there and mount.placed:
            return
        if not is_there:
            await rows.hold(self._session, mount.store_id, {}, fresh=True)
            mount.held, mount.seen = {}, -1
            await self._sandboxes.exec(self._session, ["mkdir", "-p", mount.path], cwd="/")
            await self._pull(rows, mount)
            about = f"/mnt/memory/.{mount.name}"
            await self._sandboxes.write(self._session, about, b"", run=self._mark(mount), note="mounted")
        else:
            mount.held = dict(await rows.held(self._session, mount.store_id))
        mount.placed = True

    def _mark(self, mount: _Mount) -> Run:
        return Run(mount.resource["id"], self._fence)


def _text(path: str, data: bytes) -> tuple[str, str | None]:
    """A file's content, and why it can be no memory."""
    if len(data) > MOST_BYTES:
        return "", f"it has more than {MOST_BYTES} bytes"
    try:
        content = data.decode()
    except UnicodeDecodeError:
        return "", "it is not UTF-8 text"
    problem = path_problem(path)
    return content, f"its path {problem}" if problem else content_problem(content)


def _packed(files: Mapping[str, str], at: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, text in files.items():
            data = text.encode()
            info = tarfile.TarInfo(path.removeprefix("/"))
            info.size, info.mtime, info.mode = len(data), at, 0o644
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _note(resource: JsonObject) -> str:
    access = "read it" if resource["access"] == "read_only" else "read and write it"
    told = [f"The memory store {resource['name']} is the directory {resource['mount_path']}; you can {access}."]
    told += [resource[key] for key in ("description", "instructions") if resource[key]]
    return " ".join(told)
