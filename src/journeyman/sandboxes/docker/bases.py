"""The base images of an engine: made or imported as for the local provider, and then the engine's."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.local import debian
from journeyman.sandboxes.local.dependants import recorded, refuse_if_any
from journeyman.sandboxes.local.directory import Directories
from journeyman.sandboxes.local.images import Image, Images, Made, checked_image_name
from journeyman.sandboxes.local.importing import import_image
from journeyman.sandboxes.local.namespace import ImageFailed, Namespace

DIGEST = "journeyman.digest"
BASE = "journeyman.base"
"""The label of a layer that says over which base it was made."""
_SOURCE = "journeyman.source"
_ARCHIVE = "image.tar"
_NAME = re.compile(r"(?:.*/)?journeyman/([^/]+):latest")
_ENVIRONMENT = re.compile(r"(?:.*/)?journeyman/env-[^/]+")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class EngineImage:
    """Implements `BaseImage`."""

    name: str
    source: str
    created: str
    size: int


class EngineBases:
    """Implements `BaseImages`. Of an engine, whatever the data directory; calls belong to threads without a loop."""

    def __init__(self, data_dir: Path, socket: str, default: str) -> None:
        """`default`: the base of sandboxes that name none."""
        self._images = _Packing(data_dir / "docker")
        self._directories = Directories(data_dir / "sandboxes")
        self._socket = socket
        self._default = default

    def find(self, name: str) -> EngineImage | None:
        reference = f"{repository(checked_image_name(name))}:latest"
        found = self._run(lambda engine: engine.image(reference))
        return _described(name, found) if found else None

    def all(self) -> list[EngineImage]:
        listed = self._run(lambda engine: engine.images())
        names = {found[1] for each in listed for tag in tags_of(each) if (found := _NAME.fullmatch(tag))}
        return [image for name in sorted(names) if (image := self.find(name))]

    def build(self, name: str, extras: Sequence[str], tell: Callable[[str], None]) -> EngineImage:
        return self.find(name) or self._handed_over(debian.build(self._images, name, extras, tell), tell)

    def import_from(self, name: str, path: Path, tell: Callable[[str], None]) -> EngineImage:
        if self.find(name):
            raise ImageFailed(f"There is an image {name!r} already: remove it first (journeyman images remove {name}).")
        return self._handed_over(import_image(self._images, name, path, tell), tell)

    def remove(self, name: str) -> bool:
        """Raises ImageFailed where something stands on it; the engine refuses it for containers that are not ours."""
        reference = f"{repository(checked_image_name(name))}:latest"
        refuse_if_any(name, self._users(name), "an image of the container engine to remove")
        return self._run(lambda engine: engine.remove_image(reference))

    def _users(self, name: str) -> list[str]:
        """Of this data directory, and the layers of all."""
        images = self._run(lambda engine: engine.images())
        layers = [tag for each in images if _over(each, name) for tag in tags_of(each) if _ENVIRONMENT.fullmatch(tag)]
        names = (name, repository(name), f"{repository(name)}:latest")
        users = recorded(self._directories, names, self._default)
        return users + [f"an environment's layer {tag}" for tag in sorted(layers)]

    def _handed_over(self, image: Image, tell: Callable[[str], None]) -> EngineImage:
        tell("giving it to the container engine")
        labels = {DIGEST: image.digest, _SOURCE: image.source}
        archive = image.path / _ARCHIVE
        self._run(lambda engine: engine.load(archive, repository(image.name), "latest", labels))
        self._images.remove(image.name)
        found = self.find(image.name)
        if found is None:
            raise ImageFailed(f"The container engine took the image {image.name}, and does not have it.")
        return found

    def _run(self, work: Callable[[Engine], Awaitable[_T]]) -> _T:
        async def connected() -> _T:
            engine = Engine(self._socket)
            try:
                return await work(engine)
            finally:
                await engine.close()

        return asyncio.run(connected())


class _Packing(Images):
    """Images with a tar of each beside it."""

    def make(self, name: str, fill: Callable[[Namespace], Made]) -> Image:
        def filled(within: Namespace) -> Made:
            made = fill(within)
            within.run(["tar", "--create", f"--file={_ARCHIVE}", "--numeric-owner", "--directory=rootfs", "."])
            return made

        return super().make(name, filled)


def repository(name: str) -> str:
    """Where the engine has images and layers of ours."""
    return f"journeyman/{name}"


def labels_of(image: dict[str, Any]) -> dict[str, str]:
    """Of an inspected image."""
    config = cast("dict[str, Any]", image.get("Config") or {})
    return cast("dict[str, str]", config.get("Labels") or {})


def tags_of(image: dict[str, Any]) -> list[str]:
    """Of a listed image: its names."""
    return cast("list[str]", image.get("RepoTags") or [])


def _over(image: dict[str, Any], base: str) -> bool:
    """Of a listed image: whether it is a layer over a base."""
    return cast("dict[str, str]", image.get("Labels") or {}).get(BASE) == base


def _described(name: str, image: dict[str, Any]) -> EngineImage:
    labels = labels_of(image)
    created = re.sub(r"\.\d+", "", str(image.get("Created", "")))
    return EngineImage(name, labels.get(_SOURCE, "of the container engine"), created, int(image.get("Size", 0)))
