"""Base images on disk: `<data_dir>/images/<name>/` with `rootfs/` and `image.json`."""

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from journeyman.sandboxes.local.directory import locked
from journeyman.sandboxes.local.namespace import ImageFailed, Namespace, owners

OWNER = 600_000
"""The first host uid of an image's files where root makes it."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_RESERVED = ("host",)
_RECORD = "image.json"


@dataclass(frozen=True, slots=True)
class Image:
    """A base image that is whole."""

    name: str
    source: str
    """What it was made from, for people."""
    created: str
    """RFC 3339, UTC."""
    digest: str
    """sha256 in hex of what it holds; the same content has the same one."""
    owner: int
    """The host uid of its root user."""
    size: int
    """Bytes on disk."""
    path: Path

    @property
    def rootfs(self) -> Path:
        return self.path / "rootfs"

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None when there is no whole image."""
        try:
            record = json.loads((path / _RECORD).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(**record, path=path)


@dataclass(frozen=True, slots=True)
class Made:
    """What a maker put into the root directory."""

    source: str
    digest: str


class Images:
    """All images of a data directory, for any number of processes."""

    def __init__(self, data_dir: Path, *, owner: int = OWNER) -> None:
        self.path = data_dir / "images"
        self._owner = owner

    def find(self, name: str) -> Image | None:
        return Image.read(self.path / checked_image_name(name))

    def all(self) -> list[Image]:
        if not self.path.is_dir():
            return []
        names = sorted(path.name for path in self.path.iterdir() if _NAME.fullmatch(path.name))
        return [image for name in names if (image := Image.read(self.path / name))]

    def make(self, name: str, fill: Callable[[Namespace], Made]) -> Image:
        """The image, made by `fill` if it is not there: it fills `rootfs` in the namespace's directory.

        Blocks, also while another process makes the same one. Raises ImageFailed.
        """
        name = checked_image_name(name)
        found = self.find(name)
        if found:
            return found
        ids = owners(self._owner)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o711)
        self.path.chmod(0o711)
        with locked(self.path / f".{name}.lock"):
            return self.find(name) or self._make(name, fill, Namespace(ids, self._staging(name)), ids.root)

    def remove(self, name: str) -> bool:
        """Whether there was one. The caller sees to it that no sandbox stands on it."""
        path = self.path / checked_image_name(name)
        if Image.read(path) is None:
            return False
        with locked(self.path / f".{name}.lock"):
            self._discard(self._staging(name))
            with suppress(FileNotFoundError):
                path.rename(self._staging(name))
            self._discard(self._staging(name))
        return True

    def _make(self, name: str, fill: Callable[[Namespace], Made], within: Namespace, owner: tuple[int, int]) -> Image:
        staging = self._staging(name)
        self._discard(staging)  # what a killed build left
        try:
            for path in (staging, staging / "rootfs"):
                path.mkdir(mode=0o700)
                os.chown(path, *owner)
            made = fill(within)
            within.run(["chmod", "0755", "rootfs"])
            self._record(staging, name, made, owner[0])
            staging.rename(self.path / name)
        finally:
            self._discard(staging)
        found = self.find(name)
        assert found
        return found

    def _record(self, staging: Path, name: str, made: Made, owner: int) -> None:
        # From here on nobody but the server enters: set-user-id programs of the image are for its sandboxes alone.
        os.chown(staging, os.geteuid(), os.getegid())
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        image = Image(name, made.source, created, made.digest, owner, _disk_usage(staging), staging)
        record = {key: value for key, value in asdict(image).items() if key != "path"}
        (staging / _RECORD).write_text(json.dumps(record, indent=1) + "\n")

    def _discard(self, path: Path) -> None:
        if not path.exists():
            return
        if os.geteuid():  # subordinate users' files
            Namespace(owners(self._owner), path).run(["sh", "-c", "chmod -R u+rwX . ; rm -rf rootfs"])
        shutil.rmtree(path)

    def _staging(self, name: str) -> Path:
        return self.path / f".{name}.new"


def checked_image_name(name: str) -> str:
    """Raises ImageFailed."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ImageFailed(
            f"{name!r} cannot name an image: use lower-case letters, digits, '_', '-' and '.', and not 'host'."
        )
    return name


def _disk_usage(path: Path) -> int:
    total = 0
    seen: set[int] = set()
    for directory, _, files in os.walk(path):
        for name in files:
            found = os.lstat(Path(directory, name))
            if found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_blocks * 512
    return total


def image_failed(error: OSError) -> ImageFailed:
    """A disk's failure, in words."""
    where = f" ({error.filename})" if error.filename else ""
    return ImageFailed(f"The image could not be written: {error.strerror or error}{where}.")
