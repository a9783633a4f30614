"""The base images of a data directory, and how they come to be."""

from collections.abc import Callable, Sequence
from pathlib import Path

from journeyman.sandboxes.local import debian
from journeyman.sandboxes.local.images import Image, Images
from journeyman.sandboxes.local.importing import import_image


class Bases:
    """Implements `BaseImages`."""

    def __init__(self, data_dir: Path) -> None:
        self._images = Images(data_dir)

    def find(self, name: str) -> Image | None:
        return self._images.find(name)

    def all(self) -> list[Image]:
        return self._images.all()

    def build(self, name: str, extras: Sequence[str], tell: Callable[[str], None]) -> Image:
        return debian.build(self._images, name, extras, tell)

    def import_from(self, name: str, path: Path, tell: Callable[[str], None]) -> Image:
        return import_image(self._images, name, path, tell)

    def remove(self, name: str) -> bool:
        return self._images.remove(name)
