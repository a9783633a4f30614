"""Environments: the packages of a spec, installed once into a layer that all its sandboxes lie over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from journeyman.sandboxes.local import debian
from journeyman.sandboxes.local.buildlog import BuildLog
from journeyman.sandboxes.local.directory import held
from journeyman.sandboxes.local.ground import HOST, Grounds
from journeyman.sandboxes.local.images import Images
from journeyman.sandboxes.local.namespace import ImageFailed
from journeyman.sandboxes.local.packages import base_for, environment_key, steps
from journeyman.sandboxes.port import EnvironmentFailed, Network, Run, SandboxUnavailable, ShellResult, Spec

BUILD = "build-"
"""How the names of the sandboxes begin in which packages are installed."""
_MADE_ON_DEMAND = "debian-min"
_TIMEOUT = 3600.0
_KEPT = 100_000
_log = logging.getLogger("journeyman.environments")


class Workshop(Protocol):
    """What a build needs of the provider."""

    async def create(self, sandbox: str, spec: Spec) -> None: ...

    async def shell(
        self, sandbox: str, script: str, *, run: Run, timeout: float, output_limit: int, shell: str = "main"
    ) -> ShellResult: ...

    async def destroy(self, sandbox: str) -> None: ...


Freeze = Callable[[str, str], Awaitable[None]]
"""Make a layer (its name) of the files of a sandbox."""


class Builds:
    def __init__(self, path: Path, images: Images, grounds: Grounds, workshop: Workshop, freeze: Freeze) -> None:
        self._path = path
        self._images = images
        self._grounds = grounds
        self._workshop = workshop
        self._freeze = freeze

    async def ready(self, spec: Spec) -> tuple[str, tuple[str, ...]]:
        """The base of a spec and the layers over it, made if need be. Raises EnvironmentFailed, SandboxUnavailable."""
        base = base_for(spec.packages, spec.base or self._grounds.default)
        identity = await self._base(base)
        wanted = steps(spec.packages)
        if not wanted:
            return base, ()
        key = environment_key(spec.packages, identity)
        layer = f"env-{key[:24]}"
        if self._grounds.layers.find(layer) is None:
            self._path.mkdir(parents=True, exist_ok=True)
            async with held(self._path / f".{layer}.lock"):
                if self._grounds.layers.find(layer) is None:
                    await self._build(layer, key, base, spec)
        return base, (layer,)

    async def _base(self, name: str) -> str:
        """What identifies a base; a small Debian is made when it is first needed."""
        if name == HOST:
            return f"{HOST}:{await asyncio.to_thread(self._grounds.host)}"
        try:
            image = self._images.find(name)
            if image is None and name == _MADE_ON_DEMAND:
                image = await asyncio.to_thread(debian.build, self._images, name, (), _say)
        except ImageFailed as error:
            raise EnvironmentFailed(str(error)) from None
        if image is None:
            raise SandboxUnavailable(f"There is no image {name}. Make it: journeyman images build {name}")
        return image.digest

    async def _build(self, layer: str, key: str, base: str, spec: Spec) -> None:
        name = f"{BUILD}{key[:24]}"
        await self._workshop.destroy(name)
        await self._workshop.create(name, Spec(base, network=_while_building(spec.network)))
        number = 0

        async def shell(script: str) -> tuple[int | None, bytes]:
            nonlocal number
            number += 1
            # A bash of its own, so that a script that ends its shell ends but that.
            run, place = Run(f"{key[:24]}-{number}"), f"bash <<'JOURNEYMAN_END'\n{script}\nJOURNEYMAN_END"
            result = await self._workshop.shell(name, place, run=run, timeout=_TIMEOUT, output_limit=_KEPT)
            return result.exit_code, result.output

        try:
            await BuildLog(key, base, shell).install(steps(spec.packages))
            await self._freeze(name, layer)
        finally:
            await self._workshop.destroy(name)


def _while_building(network: Network) -> Network:
    return Network("limited", registries=True) if network.mode == "none" else network


def _say(line: str) -> None:
    _log.info("%s", line)
