"""Snapshots: the files of a stopped sandbox become a layer that it, and others, go on from."""

import secrets
from dataclasses import replace
from pathlib import Path

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.directory import Directories, Directory, locked
from journeyman.sandboxes.local.disks import opened
from journeyman.sandboxes.local.layers import Layers
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.rootfs import settle
from journeyman.sandboxes.port import SandboxError, UnknownSnapshot

KIND = "snap"
"""How the names of their layers begin."""


class Snapshots:
    """A file per snapshot: the record of a sandbox made from it."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def keep(self, found: Record) -> str:
        """The id of a snapshot: the record of a sandbox with the layer that its files have become."""
        snapshot = secrets.token_hex(8)
        self._directories.snapshots.mkdir(mode=0o700, exist_ok=True)
        record.save(self._path(snapshot), found)
        return snapshot

    def restore(self, snapshot: str, sandbox: str) -> None:
        """Raises UnknownSnapshot, and SandboxError when the sandbox exists."""
        if self._directories.find(sandbox) is not None:
            raise SandboxError(f"There is a sandbox {sandbox} already.")
        with locked(self._directories.path / "layers.lock"):
            if not self._path(snapshot).exists():
                raise UnknownSnapshot(f"There is no snapshot {snapshot}.")
            record.save(self._directories.make(sandbox).record, record.load(self._path(snapshot)))

    def remove(self, snapshot: str) -> None:
        self._path(snapshot).unlink(missing_ok=True)

    def sweep(self, layers: Layers) -> list[Path]:
        """Take away the layers that no sandbox and no snapshot has any more: what is to be removed."""
        if not self._directories.layers.is_dir():
            return []
        with locked(self._directories.path / "layers.lock"):
            return layers.take_away(self.wanted(), KIND)

    def wanted(self) -> set[str]:
        """The layers that a sandbox or a snapshot has."""
        paths = [directory.record for _, directory in self._directories.all()]
        records = [record.load(path) for path in [*paths, *self._directories.snapshots.glob("*.json")]]
        return {name for each in records for name in (*each.layers, each.freezing) if name}

    def _path(self, snapshot: str) -> Path:
        if not snapshot.isalnum():
            raise UnknownSnapshot(f"There is no snapshot {snapshot!r}.")
        return self._directories.snapshots / f"{snapshot}.json"


def freeze(directory: Directory, layers: Layers, name: str, owner: int) -> Record:
    """Make a layer of the files of a stopped sandbox; its record with the layer. Killed anywhere, no file is lost.

    In a thread that has left the host's mounts.
    """
    before = settled(directory, layers, owner)
    if not directory.has_files:
        return before
    record.save(directory.record, replace(before, freezing=name))
    return settled(directory, layers, owner)


def settled(directory: Directory, layers: Layers, owner: int) -> Record:
    """The record, when a freeze that was begun has been finished."""
    found = record.load(directory.record)
    if found.freezing is None:
        return found
    if layers.find(found.freezing) is None:
        with opened(directory):
            settle(directory)
        directory.state.unlink(missing_ok=True)
        layers.freeze(found.freezing, directory, owner, found.spec.base)
    after = found.with_layer(found.freezing)
    record.save(directory.record, after)
    return after
