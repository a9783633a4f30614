"""The computer of a session: what its environment asks for, in the words of the sandbox port."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from journeyman.runtime.belongings import Belongings
from journeyman.runtime.carrying import Carrier
from journeyman.runtime.checkouts import Checkouts, Missing
from journeyman.runtime.entrusting import Entrusting, Unreachable
from journeyman.runtime.memory import Memory
from journeyman.runtime.outputs import Outputs
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Thread
from journeyman.sandboxes.port import MANAGERS, Incident, Network, SandboxError, Sandboxes, Spec
from journeyman.store.port import Claim, SessionLog
from journeyman.wire.skills import skills_of

JsonObject = dict[str, Any]

BASE_KEY = "journeyman_base"
"""The key of an environment's metadata that names the base of its sandboxes."""


_LOST = Incident(
    "replaced",
    "This is a computer on another machine: the one before is gone, with all its files, installed packages and "
    "processes. What you need of them has to be made again.",
)


class Computer:
    """Tells the provider once what a session's sandbox is like, and has its packages ready before the first request."""

    def __init__(
        self,
        sandboxes: Sandboxes,
        log: SessionLog,
        claim: Claim,
        state: SessionState,
        carrier: Carrier | None,
        belongings: Belongings,
    ) -> None:
        """`carrier`: where there are other machines that may go on with the session."""
        self._checkouts = Checkouts(
            belongings.repositories, claim.session_id, claim.fence, wanted=claim.has_repositories
        )
        self._entrusting = Entrusting(belongings.secrets, sandboxes, claim.session_id, claim.vault_ids, self._checkouts)
        self._memory = Memory(belongings.memories, sandboxes, claim.session_id, claim.fence, claim.memory_stores)
        self._variables: tuple[tuple[str, str], ...] | None = None
        self._attachments = belongings.attachments
        self._skills = belongings.skills
        self._transcripts = belongings.transcripts
        self._outputs = belongings.outputs
        self._gathering: asyncio.Task[None] | None = None
        self._sandboxes = sandboxes
        self._log = log
        self._claim = claim
        self._state = state
        self._carrier = carrier
        self._described: Spec | None = None
        self._ready = False
        self._warming: asyncio.Task[None] | None = None
        # In the middle of a turn that another brain began.
        self._resumed = state.status != "idle" and _has_run_tools(state)
        self._describing = asyncio.Lock()
        self._preparing = asyncio.Lock()
        """One thread at a time puts things into the sandbox that all of them need."""

    async def describe(self) -> None:
        """Before anything is done with the sandbox."""
        async with self._describing:
            if self._variables is None:
                self._variables = await self._entrusting.variables()
            spec = self._spec()
            if spec == self._described:
                return
            await self._sandboxes.create(self._claim.session_id, spec)
            if self._described is None and self._claim.leased and not self._claim.resident:
                await self._settle()
            self._described = spec

    @asynccontextmanager
    async def furnished(self) -> AsyncGenerator[None]:
        """With the session's files and skills in the sandbox, and its secrets on the way out. Raises SandboxError."""
        await self.describe()
        async with self._preparing:
            if self._attachments is not None:
                await self._attachments.place(self._claim.session_id, self._claim.fence)
            await self._checkouts.put()
            if self._skills is not None:
                await self._skills.place(self._claim.session_id, self._claim.fence, self._claim.skills)
            if self._transcripts is not None and self._claim.dream_id is not None:
                await self._transcripts.place(self._claim.session_id, self._claim.fence, self._claim.dream_id)
        async with self._entrusting.kept(), self._memory.kept():
            yield

    async def flush(self) -> Sequence[str]:
        """Have the memory stores know what was done; what of it was refused. Raises SandboxError."""
        return await self._memory.flush()

    async def missing(self) -> Sequence[Missing]:
        """Fetch the session's repositories; those that it has to do without."""
        async with self._preparing:
            return await self._checkouts.fetch()

    def notes(self) -> Sequence[str]:
        """What the model is to know of this computer besides what holds for all."""
        return [*self._checkouts.notes(), *self._memory.notes()]

    def skills(self, thread: Thread) -> Sequence[JsonObject]:
        """Those of its agent, and of the session's repositories."""
        return [*skills_of(self._claim.skills, thread.agent), *self._checkouts.skills()]

    def gather(self) -> None:
        """Begin to take what the agent has left in its outputs."""
        self._resumed = False
        if self._outputs is not None:
            self._gathering = asyncio.create_task(self._gather(self._outputs, self._gathering))

    @property
    def gathering(self) -> bool:
        """There is something to wait for before the session rests."""
        return self._resumed or self._gathering is not None

    async def gathered(self) -> None:
        """Until all is taken that was there when `gather` was called last."""
        if self._resumed:
            self.gather()
        task, self._gathering = self._gathering, None
        if task is not None:
            await task

    async def _gather(self, outputs: Outputs, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        with contextlib.suppress(SandboxError):
            await self.describe()
            await outputs.collect(self._claim.workspace_id, self._claim.session_id)

    async def unreachable(self) -> Sequence[Unreachable]:
        """Credentials whose hosts the environment does not permit. Raises SandboxError."""
        return await self._entrusting.unreachable(self._spec().network)

    async def _settle(self) -> None:
        """The session's sandbox is on this host from now on, with what could be kept of another's."""
        session = self._claim.session_id
        if self._claim.moved:
            told = await self._carrier.bring(session) if self._carrier else _LOST
            await self._sandboxes.announce(session, told)
        await self._log.reside(session, self._claim.fence)

    def changed(self) -> None:
        """Something was done in the sandbox."""
        if self._carrier is not None:
            self._carrier.changed(self._claim.session_id)

    def warm(self) -> None:
        """Begin to make the environment ready while nobody waits for it. A failure is told by the first request."""
        if self._warming is None and not self._ready and (self._spec().packages or self._claim.has_repositories):
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        with contextlib.suppress(SandboxError):
            await self._checkouts.fetch()
            if self._spec().packages:
                await self._sandboxes.prepare(self._spec())

    async def obstacle(self) -> str | None:
        """Why the environment cannot be worked in; makes it ready, which may take minutes the first time."""
        spec = self._spec()
        if self._ready or not spec.packages:
            return None
        try:
            async with self._preparing:
                await self._sandboxes.prepare(spec)
        except SandboxError as error:
            return f"The environment could not be made ready. {error}"
        self._ready = True
        return None

    def _spec(self) -> Spec:
        servers: list[JsonObject] = []
        for thread in self._state.threads:
            servers += thread.agent.get("mcp_servers") or []
        spec = spec_of(self._claim.environment, servers)
        variables, shares = self._variables or (), self._memory.shares
        return replace(spec, variables=variables, shares=shares) if variables or shares else spec


def _has_run_tools(state: SessionState) -> bool:
    blocks: list[JsonObject] = state.primary.history[-1]["content"] if state.primary.history else []
    return any(block["type"] == "tool_result" for block in blocks)


def has_packages(environment: JsonObject) -> bool:
    """Whether something is to be installed before an environment can be worked in."""
    packages: JsonObject = environment["config"].get("packages") or {}
    return any(packages.get(manager) for manager in MANAGERS)


def spec_of(environment: JsonObject, mcp_servers: list[JsonObject]) -> Spec:
    """What an environment and an agent's MCP servers make of a sandbox."""
    config: JsonObject = environment["config"]
    packages: JsonObject = config.get("packages") or {}
    metadata: JsonObject = environment.get("metadata") or {}
    return Spec(
        base=metadata.get(BASE_KEY) or None,
        packages=tuple((manager, tuple(packages[manager])) for manager in MANAGERS if packages.get(manager)),
        network=_network(config.get("networking") or {}, mcp_servers),
    )


def _network(networking: JsonObject, mcp_servers: list[JsonObject]) -> Network:
    if networking.get("type") != "limited":
        return Network("unrestricted")
    hosts = list(networking.get("allowed_hosts") or [])
    if networking.get("allow_mcp_servers"):
        hosts += [host for server in mcp_servers if (host := urlsplit(str(server.get("url", ""))).hostname)]
    return Network("limited", tuple(dict.fromkeys(hosts)), bool(networking.get("allow_package_managers")))
