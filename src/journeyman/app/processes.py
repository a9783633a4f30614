"""Processes, put together and taken apart: those that answer requests, and those that only run sessions."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from starlette.types import ASGIApp

from journeyman.api.rates import Rates
from journeyman.api.server import create_app
from journeyman.api.services import Services
from journeyman.api.watching import Watching
from journeyman.app.backends import (
    make_blobs,
    make_judge,
    make_keyring,
    make_models,
    make_sandboxes,
    open_database,
)
from journeyman.app.data_dir import host_of, locked, make_data_dir
from journeyman.app.keys import know_keys
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
from journeyman.runtime.costs import ListPrices, consumed
from journeyman.runtime.dreams import Dreamer
from journeyman.runtime.hub import Hub
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.outputs import Outputs
from journeyman.runtime.parts import Parts
from journeyman.runtime.purge import Purge
from journeyman.runtime.reaper import Reaper
from journeyman.runtime.relay import Relay
from journeyman.runtime.repositories import Repositories
from journeyman.runtime.retention import Retention, Rule
from journeyman.runtime.rubrics import Rubrics
from journeyman.runtime.secrets import Secrets
from journeyman.runtime.skills import SkillFiles
from journeyman.runtime.slots import Slots
from journeyman.runtime.sources import Sources
from journeyman.runtime.transcripts import Transcripts
from journeyman.runtime.validation import Validation
from journeyman.sandboxes.port import Sandboxes
from journeyman.skills.catalogue import Catalogue
from journeyman.store.agents import Agents
from journeyman.store.credentials import Credentials
from journeyman.store.database import Database
from journeyman.store.dreaming import Dreaming
from journeyman.store.dreams import Dreams
from journeyman.store.environments import Environments
from journeyman.store.events import Events
from journeyman.store.files import Files
from journeyman.store.keys import Keys
from journeyman.store.log import SqlLog
from journeyman.store.memories import Memories
from journeyman.store.memory_stores import MemoryStores
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.mounted import MountedMemories
from journeyman.store.outputs import OutputFiles
from journeyman.store.owners import Owner, Owners
from journeyman.store.port import Elsewhere, Notice
from journeyman.store.purging import Purging
from journeyman.store.resources import Resources
from journeyman.store.sessions import Sessions
from journeyman.store.skills import Skills
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.store.threads import Threads
from journeyman.store.vaults import Vaults
from journeyman.telemetry.port import Nobody, Observer
from journeyman.tools.mcp.servers import McpServers
from journeyman.tools.registry import Toolset
from journeyman.vault.cipher import Cipher
from journeyman.wire.ids import new_id

_DAY = 86_400
_FLUSH = 10.0
"""Seconds for keeping what changed last."""

_log = logging.getLogger("journeyman.server")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is up: its application, and its parts for those who need them."""

    app: ASGIApp
    hub: Hub
    keys: Keys


@dataclass(frozen=True, slots=True)
class _House:
    """What every process has, whether it answers requests, runs sessions, or both."""

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


@asynccontextmanager
async def running(settings: Settings, *, works: bool = True) -> AsyncGenerator[Running]:
    """Everything, started; let go of in the opposite order. Without `works` other processes run the sessions.

    Raises DataDirectoryInUse, DataDirectoryUnusable.
    """
    async with AsyncExitStack() as stack:
        house = await _furnish(stack, settings, works=works)
        lifecycle = _lifecycle(house)
        dreamer = Dreamer(house.dreaming, lifecycle)
        services = _make_services(settings, house, lifecycle, dreamer)
        await know_keys(settings, services.keys)
        await house.engine.start()
        stack.push_async_callback(_let_go, house, lifecycle)
        named = {"files": house.files.named, "skills": services.skills.named}
        purge = Purge(house.blobs, house.files.expire, named)
        for work in (dreamer.run(), _keep_order(settings, house), purge.run()):
            stack.push_async_callback(_finish, asyncio.create_task(work))
        yield Running(create_app(services, house.watching), house.hub, services.keys)


@asynccontextmanager
async def working(settings: Settings) -> AsyncGenerator[Watching]:
    """A process that runs sessions and answers no requests but for its metrics. Raises as `running`, and NotShared."""
    async with AsyncExitStack() as stack:
        house = await _furnish(stack, settings, works=True)
        if not isinstance(house.engine, DistributedEngine):
            raise NotShared
        await house.engine.start()
        lifecycle = _lifecycle(house)
        stack.push_async_callback(_let_go, house, lifecycle)
        for work in (Dreamer(house.dreaming, lifecycle).run(), _keep_order(settings, house)):
            stack.push_async_callback(_finish, asyncio.create_task(work))
        yield house.watching


async def _furnish(stack: AsyncExitStack, settings: Settings, *, works: bool) -> _House:
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
        stack.push_async_callback(_finish, asyncio.create_task(telling))
    sessions = Sessions(database, catalogue, ListPrices())
    carrier: Carrier | None = None
    if isinstance(database, SQLiteDatabase):
        if not works:
            raise NotShared
        log = SqlLog(database)
        parts = _parts(settings, log, hub, models, sandboxes, Always(), watching.observer, belongings)
        gauges.slots = {"model_requests": parts.requests, "tool_runs": parts.runs}
        engine: Engine = EmbeddedEngine(_maker(parts), log.unfinished)
    else:
        carrier = await _carry(stack, settings, sandboxes, blobs, works=works)
        engine = await _join(
            stack, settings, database, hub, models, sandboxes, sessions, carrier, watching.observer, gauges,
            belongings, works=works,
        )  # fmt: skip
    return _House(
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
        stack.push_async_callback(_finish, asyncio.create_task(carrier.run()))
    return carrier


async def _join(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    hub: Hub,
    models: ConfiguredModels,
    sandboxes: Sandboxes,
    sessions: Sessions,
    carrier: Carrier | None,
    observer: Observer,
    gauges: Gauges,
    belongings: Belongings,
    *,
    works: bool,
) -> DistributedEngine:
    """One process of several on a database."""
    from journeyman.engine.dispatch import Dispatch  # noqa: PLC0415 - slow to load
    from journeyman.store.notices import PostgresNotices  # noqa: PLC0415
    from journeyman.store.postgres import PostgresDatabase  # noqa: PLC0415

    assert isinstance(database, PostgresDatabase)
    owner = Owner(new_id("ownr"), host_of(settings.data_dir()))
    log = SqlLog(database, owner)
    notices = PostgresNotices(database.conninfo, owner.id)
    relay = Relay(hub, notices, log.rows, sessions.heads)
    hub.join(relay)
    member = Owners(database, owner, works=works)
    built = _parts(settings, log, hub, models, sandboxes, member, observer, belongings)
    parts = replace(built, carrier=carrier)
    gauges.slots = {"model_requests": parts.requests, "tool_runs": parts.runs}
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
    stack.push_async_callback(_finish, asyncio.create_task(relay.run()))
    return engine


def _parts(
    settings: Settings,
    log: SqlLog,
    hub: Hub,
    models: ConfiguredModels,
    sandboxes: Sandboxes,
    lease: Lease,
    observer: Observer,
    belongings: Belongings,
) -> Parts:
    limits = settings.limits
    return Parts(
        log,
        hub,
        models,
        Toolset(settings.search_settings(), settings.egress.allow_private),
        sandboxes,
        settings.runtime_settings(),
        lease=lease,
        observer=observer,
        belongings=belongings,
        mcp=McpServers(settings.addresses(), belongings.secrets and belongings.secrets.authorization),
        requests=Slots(limits.model_requests, limits.model_requests_per_workspace),
        runs=Slots(limits.tool_runs, limits.tool_runs_per_workspace),
        judge=make_judge(settings, models),
    )


def _maker(parts: Parts) -> Callable[[str], Awaitable[Brain | None]]:
    async def make(session_id: str) -> Brain | None:
        try:
            return await Brain.wake_up(parts, session_id)
        except Elsewhere as error:
            raise LivesElsewhere(Whereabouts(error.owner, error.host)) from None

    return make


def _lifecycle(house: _House) -> SessionLifecycle:
    return SessionLifecycle(
        house.sessions, Events(house.database, consumed), Threads(house.database), house.engine, house.hub,
        house.sandboxes, house.repositories, house.carrier,
    )  # fmt: skip


def _make_services(settings: Settings, house: _House, lifecycle: SessionLifecycle, dreamer: Dreamer) -> Services:
    database, sessions, events = house.database, house.sessions, Events(house.database, consumed)
    return Services(
        agents=Agents(database, house.catalogue),
        dreams=Dreams(database),
        dreamer=dreamer,
        environments=Environments(database),
        files=house.files,
        resources=Resources(database),
        repositories=house.repositories,
        skills=Skills(database, house.catalogue),
        catalogue=house.catalogue,
        memory_stores=MemoryStores(database),
        memories=Memories(database),
        memory_versions=MemoryVersions(database),
        blobs=house.blobs,
        sessions=sessions,
        lifecycle=lifecycle,
        events=events,
        threads=Threads(database),
        vaults=Vaults(database),
        credentials=house.credentials,
        secrets=house.secrets,
        rubrics=Rubrics(house.files, house.blobs),
        validation=Validation(house.credentials, house.secrets, settings.addresses()),
        keys=Keys(database),
        models=house.models,
        hub=house.hub,
        rates=Rates(creates=settings.server.rate_limit_creates, reads=settings.server.rate_limit_reads),
    )


async def _keep_order(settings: Settings, house: _House) -> None:
    """Take up the sandboxes that outlived the last server; from then on remove those whose time has come."""
    try:
        await house.sandboxes.recover()
    except Exception:
        _log.exception("some sandboxes could not be recovered")
    kept, expire = settings.retention, settings.sandbox.expire_days * _DAY
    reaper = Reaper(house.sandboxes, house.sessions.statuses, expire, idle_seconds=kept.sandboxes_idle)
    await asyncio.gather(reaper.run(), Retention(_rules(settings, house.database)).run())


def _rules(settings: Settings, database: Database) -> list[Rule]:
    """What is removed after a time."""
    purging, kept = Purging(database), settings.retention
    found = [
        ("archived sessions", kept.archived_sessions, purging.archived_sessions),
        ("memory versions", kept.memory_versions, MemoryVersions(database).purge),
    ]
    return [Rule(what, seconds, purge) for what, seconds, purge in found if seconds is not None]


async def _let_go(house: _House, lifecycle: SessionLifecycle) -> None:
    """Sessions at work stop where they stand. The sandboxes go first: a turn that is cut would end its command."""
    await lifecycle.settle()
    if house.carrier is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(house.carrier.flush(), _FLUSH)
    await house.sandboxes.close()
    await house.engine.stop()


async def _finish(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
