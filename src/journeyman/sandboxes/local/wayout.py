"""The way out of the sandboxes of this machine: what a sandbox may reach, told to the egress process."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson

from journeyman.egress.client import Egress
from journeyman.egress.denials import Denial
from journeyman.egress.injection import Injection
from journeyman.egress.line import EgressError
from journeyman.egress.policy import Policy
from journeyman.sandboxes.local import registries
from journeyman.sandboxes.local.directory import held
from journeyman.sandboxes.local.runlog import file_name
from journeyman.sandboxes.port import Incident, Network, SandboxUnavailable

_FRESH = 24 * 3600.0
"""Seconds for which the package managers are not asked again."""
_log = logging.getLogger("journeyman.sandboxes")

Ask = Callable[[str, str], Awaitable[str]]
"""Run a script in a new sandbox of a base with every public host open; what it printed."""


class WayOut:
    def __init__(self, directory: Path, allow_private: Sequence[str], ca_file: Path | None, ask: Ask) -> None:
        self._directory = directory
        self._egress = Egress(directory, allow_private, ca_file)
        self._ask = ask

    def certificate(self) -> str:
        """The PEM of the authority that refusals are signed with."""
        return self._egress.ca.read_text()

    def listen(self, heard: Callable[[str, Incident], None]) -> None:
        """Call it with a sandbox and what it was refused."""
        self._egress.listen(lambda denial: heard(denial.sandbox, _incident(denial)))

    async def open(self, sandbox: str, pid: int, base: str, network: Network) -> None:
        """Have the running sandbox reach what `network` says. Idempotent. Raises SandboxUnavailable."""
        if network.mode == "none":
            return
        policy = await self._policy(base, network)
        try:
            await self._egress.attach(sandbox, pid, policy)
        except EgressError as error:
            raise SandboxUnavailable(f"The sandbox has no way out: {error}") from None

    async def inject(self, sandbox: str, injections: Sequence[Injection]) -> None:
        """What is put into its requests. Raises SandboxUnavailable."""
        try:
            await self._egress.inject(sandbox, injections)
        except EgressError as error:
            raise SandboxUnavailable(f"The sandbox has no way out: {error}") from None

    async def close(self) -> None:
        await self._egress.close()

    async def _policy(self, base: str, network: Network) -> Policy:
        if network.mode != "limited" or not network.registries:
            return Policy(network.mode, network.hosts)
        return Policy("limited", (*network.hosts, *await self._registries(base)))

    async def _registries(self, base: str) -> tuple[str, ...]:
        """The hosts of a base's package managers, asked once a day."""
        place = self._directory / "registries"
        await asyncio.to_thread(lambda: place.mkdir(parents=True, exist_ok=True, mode=0o700))
        async with held(place / f"{file_name(base)}.lock"):
            file = place / f"{file_name(base)}.json"
            known = await asyncio.to_thread(_known, file)
            if known is None:
                known = registries.hosts(await self._ask(base, registries.script()))
                _log.info("base=%s registries=%s", base, ",".join(known))
                await asyncio.to_thread(file.write_bytes, orjson.dumps(known))
            return known


def _known(file: Path) -> tuple[str, ...] | None:
    try:
        if time.time() - file.stat().st_mtime < _FRESH:
            return tuple(orjson.loads(file.read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError):
        pass
    return None


def _incident(denial: Denial) -> Incident:
    return Incident("egress_denied", f"A connection to port {denial.port} was refused. {denial.reason}")
