"""Layers: file trees that are never changed again, which sandboxes have below their own files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from journeyman.sandboxes.local.directory import DISK, Directory
from journeyman.sandboxes.local.disks import mount_image

_FACTS = "layer.json"
_OF_EACH = frozenset({"dev", "proc", "run", "sys", "tmp"})
"""Directories that are every sandbox's own."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A root directory, as far as it has something to say, and the user on the host that is root in it."""

    files: Path
    owner: int
    image: Path | None = None
    """The disk that the files are on: they are there where it is mounted."""

    def show(self) -> None:
        """Mount its disk, if it has one, for as long as the namespace of this thread lasts. Raises OSError."""
        if self.image is not None:
            mount_image(self.image, self.files.parent)

    def parts(self) -> set[str]:
        """Its directories that lie below those of a sandbox."""
        return {entry.name for entry in self.files.iterdir() if entry.is_dir() and not entry.is_symlink()} - _OF_EACH


@dataclass(frozen=True, slots=True)
class Overlay:
    """One directory of a sandbox: its own files over those of the layers, the topmost first."""

    part: str
    lower: tuple[str, ...]


def stack(layers: Sequence[tuple[str, set[str]]], bottom: dict[str, str]) -> list[Overlay]:
    """The overlays of layers (where each is seen, its parts) over a base's directories (`bottom`)."""
    found = dict.fromkeys(bottom, ()) | {part: () for _, parts in layers for part in sorted(parts)}
    return [
        Overlay(part, (*(f"{place}/{part}" for place, parts in layers if part in parts), *_if_there(bottom.get(part))))
        for part in found
    ]


class Layers:
    """All layers below one directory, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, name: str) -> Layer | None:
        """None when it is not there, or not whole."""
        path = self._path / name
        image = path / DISK
        if not (image.exists() or (path / "files").is_dir()):
            return None
        owner = int(orjson.loads((path / _FACTS).read_bytes())["owner"])
        return Layer(path / "disk" / "files", owner, image) if image.exists() else Layer(path / "files", owner)

    def over(self, base: str) -> list[Path]:
        """The layers that were made over a base."""
        facts = sorted(self._path.glob(f"[!.]*/{_FACTS}"))
        return [path.parent for path in facts if orjson.loads(path.read_bytes()).get("base") == base]

    def freeze(self, name: str, directory: Directory, owner: int, base: str | None) -> None:
        """Make a layer of a sandbox's files by renaming them, or their disk: takes the same time for any size."""
        path = self._path / name
        path.mkdir(parents=True, exist_ok=True)
        for each in (self._path, path):  # the sandbox's root passes as an ordinary user
            each.chmod(0o711)
        (path / _FACTS).write_bytes(orjson.dumps({"owner": owner, "base": base}))
        if directory.image.exists():
            (path / "disk").mkdir(exist_ok=True)
            directory.image.with_suffix(".loop").rename(path / "disk.loop")
            directory.image.rename(path / DISK)
        else:
            directory.files.rename(path / "files")

    def take_away(self, wanted: Iterable[str], kind: str) -> list[Path]:
        """Layers of a kind (how their names begin) that are not wanted, under names that no layer has."""
        kept = set(wanted)
        gone = [path for path in self._path.glob(f"{kind}-*") if path.name not in kept]
        for path in gone:
            path.rename(self._path / f".{path.name}")
        return list(self._path.glob(f".{kind}-*"))


def _if_there(place: str | None) -> tuple[str, ...]:
    return (place,) if place else ()
