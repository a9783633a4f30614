"""What every process has, put together: whether it answers requests, runs sessions, or both."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from journeyman.api.watching import Watching
from journeyman.app.backends import make_blobs, make_judge, make_keyring, make_models, make_sandboxes, open_database
from journeyman.app.data_dir import host_of, locked, make_data_dir
from journeyman.app.refusals import NotShared
from journeyman.app.watching import Gauges, make_watching, tell_incidents
from journeyman.blobs.port import Blobs
from journeyman.config import Settings
from journeyman.engine.distributed import DistributedEngine
from journeyman.engine.embedded import EmbeddedEngine
from journeyman.engine.port import Always, Engine, Lease, LivesElsewhere, Whereabouts
from journeyman.git.mirrors import Mirrors
from journeyman.models.registry import ConfiguredModels
from journeyman.runtime.attachments import Attachments
from journeyman.runtime.belongings import Belongings
from journeyman.runtime.brain import Brain
from journeyman.runtime.carrying import Carrier
from journeyman.runtime.costs import ListPrices
from journeyman.runtime.hub import Hub
from journeyman.runtime.outputs import Outputs
from journeyman.runtime.parts import Parts
from journeyman.runtime.relay import Relay
from journeyman.runtime.repositories import Repositories
from journeyman.runtime.secrets import Secrets
from journeyman.runtime.skills import SkillFiles
from journeyman.runtime.slots import Slots
from journeyman.runtime.sources import Sources
from journeyman.runtime.transcripts import Transcripts
from journeyman.sandboxes.port import Sandboxes
from journeyman.skills.catalogue import Catalogue
from journeyman.store.credentials import Credentials
from journeyman.store.database import Database
from journeyman.store.dreaming import Dreaming
from journeyman.store.files import Files
from journeyman.store.log import SqlLog
from journeyman.store.mounted import MountedMemories
from journeyman.store.outputs import OutputFiles
from journeyman.store.owners import Owner, Owners
from journeyman.store.port import Elsewhere, Notice
from journeyman.store.resources import Resources
from journeyman.store.sessions import Sessions
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.telemetry.port import Nobody, Observer
from journeyman.tools.mcp.servers import McpServers
from journeyman.tools.registry import Toolset
from journeyman.vault.cipher import Cipher
from journeyman.wire.ids import new_id


@dataclass(frozen=True, slots=True)
class House:
    database: Database
    blobs: Blobs
    files: Files
    credentials: Credentials
    secrets: Secrets
    repositories: Repositories
    catalogue: Catalogue
    sandboxes: Sandboxes
    models: ConfiguredModels
    hub: Hub
    sessions: Sessions
    engine: Engine
    dreaming: Dreaming
    carrier: Carrier | None
    watching: Watching


@dataclass(frozen=True, slots=True)
class _Tools:
    """What sessions are run with, whatever the engine."""

    settings: Settings
    hub: Hub
    models: ConfiguredModels
    sandboxes: Sandboxes
    sessions: Sessions
    belongings: Belongings
    observer: Observer
    gauges: Gauges

    def parts(self, log: SqlLog, lease: Lease) -> Parts:
        limits, secrets = self.settings.limits, self.belongings.secrets
        found = Parts(
            log,
            self.hub,
            self.models,
            Toolset(self.settings.search_settings(), self.settings.egress.allow_private),
            self.sandboxes,
            self.settings.runtime_settings(),
            lease=lease,
            observer=self.observer,
            belongings=self.belongings,
            mcp=McpServers(self.settings.addresses(), secrets and secrets.authorization),
            requests=Slots(limits.model_requests, limits.model_requests_per_workspace),
            runs=Slots(limits.tool_runs, limits.tool_runs_per_workspace),
            judge=make_judge(self.settings, self.models),
        )
        self.gauges.slots = {"model_requests": found.requests, "tool_runs": found.runs}
        return found


async def furnish(stack: AsyncExitStack, settings: Settings, *, works: bool) -> House:
    """All of it; the stack closes it. Raises DataDirectoryInUse, DataDirectoryUnusable, NotShared."""
    data_dir = settings.data_dir()
    make_data_dir(data_dir)
    database = open_database(settings)
    stack.enter_context(locked(data_dir, shared=database.dialect == "postgresql"))
    await database.open()
    stack.push_async_callback(database.close)
    blobs = make_blobs(settings)
    stack.push_async_callback(blobs.close)
    files = Files(database, int(settings.files.quota_gb * (1 << 30)))
    credentials = Credentials(database)
    cipher = Cipher(make_keyring(settings))
    secrets = Secrets(credentials, cipher, settings.addresses())
    sandboxes = make_sandboxes(settings)
    mirrors = Mirrors(data_dir / "repositories", settings.addresses())
    resources = Resources(database)
    repositories = Repositories(resources, cipher, mirrors, sandboxes, settings.repositories.hosts)
    catalogue = Catalogue()
    dreaming = Dreaming(database, settings.dreams.at_once, settings.dreams.timeout)
    belongings = Belongings(
        Attachments(blobs, resources, sandboxes),
        secrets,
        Outputs(blobs, OutputFiles(database, files), sandboxes),
        Sources(files, blobs),
        repositories,
        SkillFiles(blobs, catalogue, sandboxes),
        MountedMemories(database),
        Transcripts(dreaming, sandboxes),
    )
    stack.push_async_callback(sandboxes.close)
    models = make_models(settings)
    stack.push_async_callback(models.close)
    hub = Hub()
    gauges = Gauges(hub)
    watching = make_watching(stack, settings, gauges)
    if not isinstance(watching.observer, Nobody):
        telling = tell_incidents(sandboxes, watching.observer)
        stack.push_async_callback(finish, asyncio.create_task(telling))
    sessions = Sessions(database, catalogue, ListPrices())
    tools = _Tools(settings, hub, models, sandboxes, sessions, belongings, watching.observer, gauges)
    carrier: Carrier | None = None
    if isinstance(database, SQLiteDatabase):
        if not works:
            raise NotShared
        log = SqlLog(database)
        engine: Engine = EmbeddedEngine(_maker(tools.parts(log, Always())), log.unfinished)
    else:
        carrier = await _carry(stack, settings, sandboxes, blobs, works=works)
        engine = await _join(stack, tools, database, carrier, works=works)
    return House(
        database, blobs, files, credentials, secrets, repositories, catalogue, sandboxes, models, hub, sessions, engine,
        dreaming, carrier, watching,
    )  # fmt: skip


async def _carry(
    stack: AsyncExitStack, settings: Settings, sandboxes: Sandboxes, blobs: Blobs, *, works: bool
) -> Carrier | None:
    """Where blobs are kept for all machines, so are workspaces."""
    if settings.blobs.url is None:
        return None
    carrier = Carrier(sandboxes, blobs, settings.sandbox.carry_mb << 20)
    if works and settings.sandbox.carry_mb:
        stack.push_async_callback(finish, asyncio.create_task(carrier.run()))
    return carrier


async def _join(
    stack: AsyncExitStack, tools: _Tools, database: Database, carrier: Carrier | None, *, works: bool
) -> DistributedEngine:
    """One process of several on a database."""
    from journeyman.engine.dispatch import Dispatch  # noqa: PLC0415 - slow to load
    from journeyman.store.notices import PostgresNotices  # noqa: PLC0415
    from journeyman.store.postgres import PostgresDatabase  # noqa: PLC0415

    assert isinstance(database, PostgresDatabase)
    owner = Owner(new_id("ownr"), host_of(tools.settings.data_dir()))
    log = SqlLog(database, owner)
    notices = PostgresNotices(database.conninfo, owner.id)
    relay = Relay(tools.hub, notices, log.rows, tools.sessions.heads)
    tools.hub.join(relay)
    member = Owners(database, owner, works=works)
    parts = replace(tools.parts(log, member), carrier=carrier)
    engine = DistributedEngine(
        member,
        lambda woken: Dispatch(database.conninfo, owner.host, woken, parts.requests.free, works=works),
        _maker(parts),
        lambda process, session_id: notices.send(Notice("mail", session_id, process)),
        works=works,
        met=notices.met,
    )

    def heard(notice: Notice) -> None:
        if notice.kind == "mail" and notice.data == owner.id:
            engine.look(notice.session_id)
        relay.heard(notice)

    await notices.start(heard, relay.lost)
    stack.push_async_callback(notices.close)
    stack.push_async_callback(finish, asyncio.create_task(relay.run()))
    return engine


def _maker(parts: Parts) -> Callable[[str], Awaitable[Brain | None]]:
    async def make(session_id: str) -> Brain | None:
        try:
            return await Brain.wake_up(parts, session_id)
        except Elsewhere as error:
            raise LivesElsewhere(Whereabouts(error.owner, error.host)) from None

    return make


async def finish(task: asyncio.Task[None]) -> None:
    """Cut what runs beside."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
