"""The images of an engine that sandboxes are made from: bases, and what sandboxes have become."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from journeyman.sandboxes.docker.bases import BASE, DIGEST, EngineBases, labels_of, repository, tags_of
from journeyman.sandboxes.docker.container import DATA
from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.docker.refusal import EngineRefused
from journeyman.sandboxes.local.ground import HOST
from journeyman.sandboxes.local.record import Record
from journeyman.sandboxes.local.stock import MADE_ON_DEMAND, say
from journeyman.sandboxes.port import SandboxUnavailable


class EngineStock:
    """Implements `Stock`. A layer is an image of its own: all the files of the sandbox that it was."""

    def __init__(
        self, engine: Engine, bases: EngineBases, tag: str, default: str, certificate: Callable[[], str]
    ) -> None:
        """`tag`: the data directory's. `certificate` (PEM) is what sandboxes trust besides the usual authorities."""
        self._engine = engine
        self._bases = bases
        self.tag = tag
        self._default = default
        self.certificate = certificate

    @property
    def default(self) -> str:
        return self._default

    async def identify(self, base: str) -> str:
        found = await self._image(base)
        if found is None and base == MADE_ON_DEMAND:
            await asyncio.to_thread(self._bases.build, base, (), say)
            found = await self._image(base)
        if found is None:
            raise _unknown(base)
        image = found[1]
        return str(labels_of(image).get(DIGEST) or image["Id"])

    async def has(self, layer: str) -> bool:
        return await self._engine.image(self._layer(layer)) is not None

    async def reference(self, recorded: Record) -> str:
        """The image that a sandbox's container is made from. Raises SandboxUnavailable when it is gone."""
        if recorded.layers:
            layer = self._layer(recorded.layers[0])
            if await self._engine.image(layer) is None:
                raise SandboxUnavailable(
                    f"The container engine has lost the image {layer}, without which the sandbox cannot be shown."
                )
            return layer
        base = recorded.spec.base or self._default
        found = await self._image(base)
        if found is None:
            raise _unknown(base)
        return found[0]

    async def commit(self, container: str, layer: str, base: str) -> None:
        """Make a layer of a container's files: the engine copies what differs from the container's image."""
        await self._engine.commit(container, repository(layer), self.tag, {DATA: self.tag, BASE: base})

    async def sweep(self, wanted: Collection[str], kind: str) -> None:
        """Remove the layers of a kind (how their names begin) that are not wanted."""
        for image in await self._engine.images():
            for name in tags_of(image):
                path, _, tag = name.rpartition(":")
                layer = path.rpartition("journeyman/")[2]
                if tag == self.tag and layer.startswith(f"{kind}-") and layer not in wanted:
                    await self._remove(name)

    async def _remove(self, name: str) -> None:
        try:
            await self._engine.remove_image(name)
        except EngineRefused as refusal:
            if refusal.status != 409:  # a container that is about to go has it: the next sweep finds it again
                raise

    async def _image(self, base: str) -> tuple[str, dict[str, Any]] | None:
        """An image of ours, else the engine's of just this name."""
        if base == HOST:
            raise SandboxUnavailable(
                "A container has no use for the host's own /usr: set sandbox.base (or journeyman_base in the "
                "environment's metadata) to the name of an image, such as debian-min."
            )
        for name in ([f"{repository(base)}:latest"] if "/" not in base and ":" not in base else []) + [base]:
            found = await self._engine.image(name)
            if found is not None:
                return name, found
        return None

    def _layer(self, layer: str) -> str:
        return f"{repository(layer)}:{self.tag}"


def _unknown(base: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"The container engine has no image {base}. Pull it (docker pull, podman pull), or make one of ours: "
        "journeyman images build debian-min."
    )
