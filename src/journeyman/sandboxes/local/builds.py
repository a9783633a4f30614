"""Environments: the packages of a spec, installed once into a layer that all its sandboxes lie over."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from journeyman.sandboxes.local.buildlog import BuildLog
from journeyman.sandboxes.local.directory import held
from journeyman.sandboxes.local.packages import base_for, environment_key, steps
from journeyman.sandboxes.port import Network, Run, ShellResult, Spec

BUILD = "build-"
"""How the names of the sandboxes begin in which packages are installed."""
_TIMEOUT = 3600.0
_KEPT = 100_000


class Workshop(Protocol):
    """What a build needs of the provider."""

    async def create(self, sandbox: str, spec: Spec) -> None: ...

    async def shell(
        self, sandbox: str, script: str, *, run: Run, timeout: float, output_limit: int, shell: str = "main"
    ) -> ShellResult: ...

    async def destroy(self, sandbox: str) -> None: ...


class Stock(Protocol):
    """The bases and layers that there are."""

    @property
    def default(self) -> str:
        """The base of a spec that names none."""
        ...

    async def identify(self, base: str) -> str:
        """What identifies a base's content, made if that can be. Raises EnvironmentFailed, SandboxUnavailable."""
        ...

    async def has(self, layer: str) -> bool: ...


Freeze = Callable[[str, str], Awaitable[None]]
"""Make a layer (its name) of the files of a sandbox."""


class Builds:
    def __init__(self, path: Path, stock: Stock, workshop: Workshop, freeze: Freeze) -> None:
        self._path = path
        self._stock = stock
        self._workshop = workshop
        self._freeze = freeze

    async def ready(self, spec: Spec) -> tuple[str, tuple[str, ...]]:
        """The base of a spec and the layers over it, made if need be. Raises EnvironmentFailed, SandboxUnavailable."""
        base = base_for(spec.packages, spec.base or self._stock.default)
        identity = await self._stock.identify(base)
        wanted = steps(spec.packages)
        if not wanted:
            return base, ()
        key = environment_key(spec.packages, identity)
        layer = f"env-{key[:24]}"
        if not await self._stock.has(layer):
            self._path.mkdir(parents=True, exist_ok=True)
            async with held(self._path / f".{layer}.lock"):
                if not await self._stock.has(layer):
                    await self._build(layer, key, base, spec)
        return base, (layer,)

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
