"""The base images of a data directory, and how they come to be."""

from collections.abc import Callable, Sequence
from pathlib import Path

from journeyman.sandboxes.local import debian
from journeyman.sandboxes.local.dependants import recorded, refuse_if_any
from journeyman.sandboxes.local.directory import Directories
from journeyman.sandboxes.local.images import Image, Images
from journeyman.sandboxes.local.importing import import_image
from journeyman.sandboxes.local.layers import Layers
from journeyman.sandboxes.local.snapshots import KIND


class Bases:
    """Implements `BaseImages`."""

    def __init__(self, data_dir: Path, default: str) -> None:
        """`default`: the base of sandboxes that name none."""
        self._images = Images(data_dir)
        self._directories = Directories(data_dir / "sandboxes")
        self._default = default

    def find(self, name: str) -> Image | None:
        return self._images.find(name)

    def all(self) -> list[Image]:
        return self._images.all()

    def build(self, name: str, extras: Sequence[str], tell: Callable[[str], None]) -> Image:
        return debian.build(self._images, name, extras, tell)

    def import_from(self, name: str, path: Path, tell: Callable[[str], None]) -> Image:
        return import_image(self._images, name, path, tell)

    def remove(self, name: str) -> bool:
        """Raises ImageFailed where something stands on it."""
        refuse_if_any(name, self._users(name), "a directory to delete")
        return self._images.remove(name)

    def _users(self, name: str) -> list[str]:
        layers = [path for path in Layers(self._directories.layers).over(name) if not path.name.startswith(KIND)]
        users = recorded(self._directories, (name,), self._default)
        return users + [f"an environment's layer {path}" for path in layers]
