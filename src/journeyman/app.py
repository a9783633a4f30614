"""The composition root: settings to backends to application. The only importer of backends."""

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from starlette.types import ASGIApp

from journeyman.api.rates import Rates
from journeyman.api.server import create_app
from journeyman.api.services import Services
from journeyman.config import Settings
from journeyman.engine.distributed import DistributedEngine
from journeyman.engine.embedded import EmbeddedEngine
from journeyman.engine.port import Always, Engine, Late, Lease, LivesElsewhere, Whereabouts
from journeyman.models.registry import ConfiguredModels
from journeyman.runtime.brain import Brain, Parts
from journeyman.runtime.hub import Hub
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.reaper import Reaper
from journeyman.runtime.relay import Relay
from journeyman.sandboxes.port import BaseImages, Sandboxes
from journeyman.store.agents import Agents
from journeyman.store.database import Database
from journeyman.store.environments import Environments
from journeyman.store.events import Events
from journeyman.store.keys import PREFIX, Keys
from journeyman.store.log import SqlLog
from journeyman.store.owners import Owner, Owners
from journeyman.store.port import Elsewhere, Notice
from journeyman.store.sessions import Sessions
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.store.threads import Threads
from journeyman.tools.registry import Toolset
from journeyman.wire.ids import new_id

WORKSPACE = "default"
_GB = 1 << 30
_DAY = 86_400

_log = logging.getLogger("journeyman.server")


class DataDirectoryUnusable(Exception):
    """It cannot be made or written."""


class ExtraMissing(Exception):
    """What is configured needs packages that are not installed; the message names the extra."""


class DataDirectoryInUse(Exception):
    """Another server works on this data directory."""


class NotShared(Exception):
    """Several processes need a database that they can share."""

    def __init__(self) -> None:
        super().__init__("database.url: several processes can share a Postgres database only.")


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
    sandboxes: Sandboxes
    models: ConfiguredModels
    hub: Hub
    sessions: Sessions
    engine: Engine


@asynccontextmanager
async def running(settings: Settings, *, works: bool = True) -> AsyncGenerator[Running]:
    """Everything, started; let go of in the opposite order. Without `works` other processes run the sessions.

    Raises DataDirectoryInUse, DataDirectoryUnusable.
    """
    async with AsyncExitStack() as stack:
        house = await _furnish(stack, settings, works=works)
        services = _make_services(settings, house)
        await _know_keys(settings, services.keys)
        await house.engine.start()
        stack.push_async_callback(_let_go, services.lifecycle, house.sandboxes, house.engine)
        stack.push_async_callback(_finish, asyncio.create_task(_keep_order(settings, house)))
        yield Running(create_app(services), house.hub, services.keys)


@asynccontextmanager
async def working(settings: Settings) -> AsyncGenerator[None]:
    """A process that runs sessions and answers no requests. Raises as `running`, and NotShared."""
    async with AsyncExitStack() as stack:
        house = await _furnish(stack, settings, works=True)
        if not isinstance(house.engine, DistributedEngine):
            raise NotShared
        await house.engine.start()
        stack.push_async_callback(_let_go, None, house.sandboxes, house.engine)
        stack.push_async_callback(_finish, asyncio.create_task(_keep_order(settings, house)))
        yield


async def _furnish(stack: AsyncExitStack, settings: Settings, *, works: bool) -> _House:
    data_dir = settings.data_dir()
    _make(data_dir)
    database = open_database(settings)
    stack.enter_context(_locked(data_dir, shared=database.dialect == "postgresql"))
    await database.open()
    stack.push_async_callback(database.close)
    sandboxes = make_sandboxes(settings)
    stack.push_async_callback(sandboxes.close)
    models = make_models(settings)
    stack.push_async_callback(models.close)
    hub = Hub()
    sessions = Sessions(database)
    if isinstance(database, SQLiteDatabase):
        if not works:
            raise NotShared
        log = SqlLog(database)
        engine: Engine = EmbeddedEngine(_maker(settings, log, hub, models, sandboxes, Always()), log.unfinished)
    else:
        engine = await _join(stack, settings, database, hub, models, sandboxes, sessions, works=works)
    return _House(database, sandboxes, models, hub, sessions, engine)


async def _join(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    hub: Hub,
    models: ConfiguredModels,
    sandboxes: Sandboxes,
    sessions: Sessions,
    *,
    works: bool,
) -> DistributedEngine:
    """One process of several on a database."""
    from journeyman.engine.dispatch import Dispatch  # noqa: PLC0415 - slow to load
    from journeyman.store.notices import PostgresNotices  # noqa: PLC0415
    from journeyman.store.postgres import PostgresDatabase  # noqa: PLC0415

    assert isinstance(database, PostgresDatabase)
    owner = Owner(new_id("ownr"), _host(settings.data_dir()))
    log = SqlLog(database, owner)
    notices = PostgresNotices(database.conninfo, owner.id)
    relay = Relay(hub, notices, log.rows, sessions.heads)
    hub.join(relay)
    lease = Late()
    engine = DistributedEngine(
        Owners(database, owner, works=works),
        lambda woken: Dispatch(database.conninfo, owner.host, woken, works=works),
        _maker(settings, log, hub, models, sandboxes, lease),
        lambda process, session_id: notices.send(Notice("mail", session_id, process)),
        works=works,
        met=notices.met,
    )
    lease.engine = engine

    def heard(notice: Notice) -> None:
        if notice.kind == "mail" and notice.data == owner.id:
            engine.look(notice.session_id)
        relay.heard(notice)

    await notices.start(heard, relay.lost)
    stack.push_async_callback(notices.close)
    stack.push_async_callback(_finish, asyncio.create_task(relay.run()))
    return engine


def open_database(settings: Settings) -> Database:
    """The configured database, not yet open. Raises DataDirectoryUnusable."""
    url = make_url(settings.database_url())
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise DataDirectoryUnusable("database.url: a SQLite database needs a file.")
        path = Path(url.database)
        if path.parent != settings.data_dir() and not path.parent.is_dir():
            raise DataDirectoryUnusable(f"database.url: there is no folder {path.parent}.")
        return SQLiteDatabase(path)
    from journeyman.store.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is slow to load

    return PostgresDatabase(settings.database_url())


def make_sandboxes(settings: Settings) -> Sandboxes:
    """The configured provider. Raises ExtraMissing."""
    from journeyman.sandboxes.local import HOST, Limits, LocalSandboxes  # noqa: PLC0415

    section = settings.sandbox
    limits = Limits(
        memory=int(section.memory_gb * _GB),
        cpus=section.cpus,
        processes=section.processes,
        disk=int(section.disk_gb * _GB),
        free_disk=int(section.free_disk_gb * _GB),
        open_files=section.open_files,
        inotify_instances=section.inotify_instances,
        inotify_watches=section.inotify_watches,
    )
    if section.provider == "docker":
        with _extra("docker"):
            from journeyman.sandboxes.docker import BASE, DockerSandboxes  # noqa: PLC0415
        return DockerSandboxes(
            settings.data_dir(),
            socket=section.docker.socket,
            idle_stop_seconds=section.idle_stop_seconds,
            limits=limits,
            idle_cap_seconds=section.idle_cap_seconds,
            base=section.base or BASE,
            allow_private=settings.egress.allow_private,
        )
    return LocalSandboxes(
        settings.data_dir(),
        runtime=section.runtime,
        idle_stop_seconds=section.idle_stop_seconds,
        limits=limits,
        idle_cap_seconds=section.idle_cap_seconds,
        base=section.base or HOST,
        allow_private=settings.egress.allow_private,
    )


def make_images(settings: Settings) -> BaseImages:
    """Of the configured provider. Raises ExtraMissing."""
    if settings.sandbox.provider == "docker":
        with _extra("docker"):
            from journeyman.sandboxes.docker.bases import EngineBases  # noqa: PLC0415
        return EngineBases(settings.data_dir(), settings.sandbox.docker.socket)
    from journeyman.sandboxes.local.bases import Bases  # noqa: PLC0415 - few commands need it

    return Bases(settings.data_dir())


@contextmanager
def _extra(name: str) -> Generator[None]:
    try:
        yield
    except ImportError as error:
        raise ExtraMissing(f"{error.name} is not installed: pip install 'journeyman[{name}]'.") from error


def make_models(settings: Settings) -> ConfiguredModels:
    ours = frozenset(settings.server.api_keys)
    return ConfiguredModels(settings.routes(), own_keys=lambda key: key in ours or key.startswith(PREFIX))


def first_key(settings: Settings) -> Path:
    """The file with the key that was made on the first start."""
    return settings.data_dir() / "api_key"


def _maker(
    settings: Settings, log: SqlLog, hub: Hub, models: ConfiguredModels, sandboxes: Sandboxes, lease: Lease
) -> Callable[[str], Awaitable[Brain | None]]:
    toolset = Toolset(settings.search_settings(), settings.egress.allow_private)
    parts = Parts(log, hub, models, toolset, sandboxes, settings.runtime_settings(), lease=lease)

    async def make(session_id: str) -> Brain | None:
        try:
            return await Brain.wake_up(parts, session_id)
        except Elsewhere as error:
            raise LivesElsewhere(Whereabouts(error.owner, error.host)) from None

    return make


def _make_services(settings: Settings, house: _House) -> Services:
    database, sessions, events = house.database, house.sessions, Events(house.database)
    return Services(
        agents=Agents(database),
        environments=Environments(database),
        sessions=sessions,
        lifecycle=SessionLifecycle(sessions, events, house.engine, house.hub, house.sandboxes),
        events=events,
        threads=Threads(database),
        keys=Keys(database),
        models=house.models,
        hub=house.hub,
        rates=Rates(creates=settings.server.rate_limit_creates, reads=settings.server.rate_limit_reads),
    )


async def _know_keys(settings: Settings, keys: Keys) -> None:
    """The configured keys; without any, one of our own, made once."""
    for secret in settings.server.api_keys:
        await keys.add(WORKSPACE, "configured", secret)
    if settings.server.api_keys:
        return
    file = first_key(settings)
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(PREFIX + secrets.token_urlsafe(32) + "\n")
    await keys.add(WORKSPACE, "first", file.read_text().strip())


async def _keep_order(settings: Settings, house: _House) -> None:
    """Take up the sandboxes that outlived the last server; from then on remove those whose time has come."""
    try:
        await house.sandboxes.recover()
    except Exception:
        _log.exception("some sandboxes could not be recovered")
    await Reaper(house.sandboxes, house.sessions.statuses, settings.sandbox.expire_days * _DAY).run()


async def _let_go(lifecycle: SessionLifecycle | None, sandboxes: Sandboxes, engine: Engine) -> None:
    """Sessions at work stop where they stand. The sandboxes go first: a turn that is cut would end its command."""
    if lifecycle is not None:
        await lifecycle.settle()
    await sandboxes.close()
    await engine.stop()


async def _finish(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (data_dir / "lock").touch(mode=0o600)
    except OSError as error:
        raise DataDirectoryUnusable(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error


def _host(data_dir: Path) -> str:
    """The name of this machine's data directory, made once."""
    file = data_dir / "host"
    with contextlib.suppress(FileExistsError):
        staged = data_dir / f"host.{secrets.token_hex(4)}"
        staged.write_text(new_id("host"))
        try:
            file.hardlink_to(staged)  # complete or not there
        finally:
            staged.unlink()
    return file.read_text()


@contextmanager
def _locked(data_dir: Path, *, shared: bool) -> Generator[None]:
    """Only the processes of one shared database may work on a data directory together."""
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            raise DataDirectoryInUse(f"Another Journeyman server works on {data_dir}.") from error
        yield
