"""What a sandbox's own files lie over: layers that other sandboxes made, and a base."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from journeyman.sandboxes.local.directory import Directories, Directory
from journeyman.sandboxes.local.identity import RANGE
from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.layers import Layer, Layers, Overlay, stack
from journeyman.sandboxes.local.rootfs import host_etc
from journeyman.sandboxes.local.runtime import Below
from journeyman.sandboxes.local.snapshots import settled
from journeyman.sandboxes.port import SandboxUnavailable

HOST = "host"


@dataclass(frozen=True, slots=True)
class Ground:
    """`layers`: the topmost first; `image` None is the host's own /usr."""

    layers: tuple[Layer, ...]
    image: Layer | None
    etc: str
    """The copy of the host's /etc below the sandboxes' directory; for the host as base."""
    certificate: str
    """PEM."""

    @property
    def above(self) -> Layer | None:
        return self.layers[0] if self.layers else None

    def seen(self, directory: Directory, here: str, view: str, root: int) -> tuple[list[Below], list[Overlay]]:
        """The mounts that show the layers to the runtime, and the overlays over them. `root`: its root's id out here.

        An ordinary user has but one range of ids, and no mounts of its own: its layers are seen where they lie.
        """
        layers = [*self.layers, *([self.image] if self.image else [])]
        places = [str(layer.files) for layer in layers]
        below: list[Below] = []
        if os.geteuid() == 0:
            places = [f"{here}/layers/{number}" for number in range(len(layers))]
            for number, layer in enumerate(layers):
                target = directory.layers / str(number)
                target.mkdir(exist_ok=True)
                users = None if layer.owner == root else (layer.owner, root, RANGE)
                below.append(Below(str(layer.files), str(target), users))
        bottom = {} if self.image else {"usr": "/usr", "etc": f"{view}/{self.etc}"}
        return below, stack([(place, layer.parts()) for place, layer in zip(places, layers, strict=True)], bottom)


class Grounds:
    """Finds what the record of a sandbox names."""

    def __init__(self, directories: Directories, images: Images, default: str, certificate: Callable[[], str]) -> None:
        """`certificate` (PEM) is what sandboxes trust besides the usual authorities."""
        self._directories = directories
        self.layers = Layers(directories.layers)
        self._images = images
        self._certificate = certificate
        self.default = default

    def of(self, directory: Directory, owner: int) -> Ground:
        """In a thread that has left the host's mounts; `owner` is the sandbox's root on the host.

        Raises SandboxUnavailable when a layer or the base is gone, and OSError.
        """
        recorded = settled(directory, self.layers, owner)
        base = recorded.spec.base or self.default
        layers = tuple(self._layer(name) for name in recorded.layers)
        if base == HOST:
            return Ground(layers, None, self.host(), self._certificate())
        return Ground(layers, self._image(base), "", self._certificate())

    def host(self) -> str:
        """The name of the copy of the host's /etc, made if need be; it changes with the host."""
        self._directories.prepare()
        return host_etc(self._directories.path, self._certificate()).name

    def _layer(self, name: str) -> Layer:
        layer = self.layers.find(name)
        if layer is None:
            raise SandboxUnavailable(f"The sandbox's layer {name} is gone; its files cannot be shown without it.")
        layer.show()
        return layer

    def _image(self, name: str) -> Layer:
        image = self._images.find(name)
        if image is None:
            raise SandboxUnavailable(f"There is no image {name}. Make it: journeyman images build {name}")
        return Layer(image.rootfs, image.owner)
