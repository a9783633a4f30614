"""The bases and layers of the local provider."""

import asyncio
import logging

from journeyman.sandboxes.local import debian
from journeyman.sandboxes.local.ground import HOST, Grounds
from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.namespace import ImageFailed
from journeyman.sandboxes.port import EnvironmentFailed, SandboxUnavailable

MADE_ON_DEMAND = "debian-min"
_log = logging.getLogger("journeyman.environments")


class LocalStock:
    """Implements `Stock`."""

    def __init__(self, images: Images, grounds: Grounds) -> None:
        self._images = images
        self._grounds = grounds

    @property
    def default(self) -> str:
        return self._grounds.default

    async def identify(self, base: str) -> str:
        if base == HOST:
            return f"{HOST}:{await asyncio.to_thread(self._grounds.host)}"
        try:
            image = self._images.find(base)
            if image is None and base == MADE_ON_DEMAND:
                image = await asyncio.to_thread(debian.build, self._images, base, (), say)
        except ImageFailed as error:
            raise EnvironmentFailed(str(error)) from None
        if image is None:
            raise SandboxUnavailable(f"There is no image {base}. Make it: journeyman images build {base}")
        return image.digest

    async def has(self, layer: str) -> bool:
        return self._grounds.layers.find(layer) is not None


def say(line: str) -> None:
    """A line of an image's making, for the log."""
    _log.info("%s", line)
