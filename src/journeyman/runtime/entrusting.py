"""What a session's sandbox may use of its vaults: placeholders inside, the secrets themselves only on the way out."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from journeyman.egress.injection import Injection, Substitution
from journeyman.egress.policy import fold, matches
from journeyman.runtime.checkouts import Checkouts
from journeyman.runtime.secrets import Opened, Secrets
from journeyman.sandboxes.port import Network, SandboxError, Sandboxes
from journeyman.wire.errors import ApiError

JsonObject = dict[str, Any]

_AGAIN = 5.0
"""Seconds after which a running command's secrets are looked up again: they may have been rotated."""


class Unreachable(NamedTuple):
    """A credential with a host that the session's environment does not permit."""

    credential_id: str
    vault_id: str
    message: str


class Entrusting:
    """Of one session. Without vaults and repositories it does nothing, and costs nothing."""

    def __init__(
        self,
        secrets: Secrets | None,
        sandboxes: Sandboxes,
        session_id: str,
        vault_ids: Sequence[str],
        checkouts: Checkouts,
    ) -> None:
        self._secrets = secrets
        self._sandboxes = sandboxes
        self._session = session_id
        self._vaults = tuple(vault_ids)
        self._checkouts = checkouts
        self._given: Sequence[Injection] = ()

    async def variables(self) -> tuple[tuple[str, str], ...]:
        """What stands for the secrets in the sandbox. Raises SandboxError."""
        found = await self._found()
        return tuple((each.auth.shown["secret_name"], self._placeholder(each)) for each in found)

    async def give(self) -> None:
        """Have the way out know the secrets as they are now. Raises SandboxError."""
        substitutions = [self._substitution(each) for each in await self._found()]
        injections = [*substitutions, *await self._checkouts.logins()]
        if injections != list(self._given):
            await self._sandboxes.entrust(self._session, injections)
            self._given = injections

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """Give them, and what becomes of them meanwhile. Raises SandboxError."""
        await self.give()
        task = asyncio.create_task(self._keep()) if self._given else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()

    async def unreachable(self, network: Network) -> Sequence[Unreachable]:
        """Credentials that can never be used as they are meant. Raises SandboxError."""
        if not self._vaults or network.mode != "limited":
            return ()
        found: list[Unreachable] = []
        for each in await self._found():
            hosts = [host for host in _hosts(each) or () if not _permitted(host, network.hosts)]
            if hosts:
                message = (
                    f"The environment of this session does not permit {', '.join(hosts)}, which the credential for "
                    f"{each.auth.shown['secret_name']} is meant for. Add it to config.networking.allowed_hosts."
                )
                found.append(Unreachable(each.row["id"], each.row["vault_id"], message))
        return found

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            with contextlib.suppress(SandboxError):
                await self.give()

    async def _found(self) -> Sequence[Opened]:
        """The credentials that are variables; of several with one name the first counts."""
        if self._secrets is None or not self._vaults:
            return ()
        try:
            opened = await self._secrets.of(self._vaults)
        except ApiError as error:
            raise SandboxError(f"The session's vaults cannot be used. {error.message}") from error
        first: dict[str, Opened] = {}
        for each in opened:
            if each.auth.shown["type"] == "environment_variable":
                first.setdefault(each.auth.shown["secret_name"], each)
        return list(first.values())

    def _placeholder(self, opened: Opened) -> str:
        """The same whenever it is asked for, and another for each session: it opens nothing by itself."""
        place = f"{self._session} {opened.row['id']}"
        return f"placeholder-{hashlib.sha256(place.encode()).hexdigest()[:40]}"

    def _substitution(self, opened: Opened) -> Substitution:
        location = opened.auth.shown["injection_location"]
        return Substitution(
            self._placeholder(opened),
            opened.auth.secret["secret_value"],
            _hosts(opened),
            header=location["header"],
            body=location["body"],
        )


def _hosts(opened: Opened) -> tuple[str, ...] | None:
    networking = opened.auth.shown["networking"]
    return tuple(networking["allowed_hosts"]) if networking["type"] == "limited" else None


def _permitted(host: str, allowed: Sequence[str]) -> bool:
    """Whether all that `host` (a name, or a wildcard) stands for is allowed."""
    if not host.startswith("*."):
        return any(matches(pattern, host) for pattern in allowed)
    return any(pattern.startswith("*.") and fold(host).endswith(fold(pattern[1:])) for pattern in allowed)
