"""The composition root: settings to backends to application. The only importer of backends."""

import asyncio
import fcntl
import logging
import os
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from starlette.types import ASGIApp

from journeyman.api.rates import Rates
from journeyman.api.server import create_app
from journeyman.api.services import Services
from journeyman.config import Settings
from journeyman.engine.embedded import EmbeddedEngine
from journeyman.models.registry import ConfiguredModels
from journeyman.runtime.brain import Brain, Parts
from journeyman.runtime.hub import Hub
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.reaper import Reaper
from journeyman.sandboxes.port import BaseImages, Sandboxes
from journeyman.store.agents import Agents
from journeyman.store.database import Database
from journeyman.store.environments import Environments
from journeyman.store.events import Events
from journeyman.store.keys import PREFIX, Keys
from journeyman.store.log import SqlLog
from journeyman.store.sessions import Sessions
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.store.threads import Threads
from journeyman.tools.registry import Toolset

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


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is up: its application, and its parts for those who need them."""

    app: ASGIApp
    hub: Hub
    keys: Keys


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[Running]:
    """Everything, started; let go of in the opposite order. Raises DataDirectoryInUse, DataDirectoryUnusable."""
    data_dir = settings.data_dir()
    _make(data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(_locked(data_dir))
        database = open_database(settings)
        await database.open()
        stack.push_async_callback(database.close)
        sandboxes = make_sandboxes(settings)
        stack.push_async_callback(sandboxes.close)
        models = make_models(settings)
        stack.push_async_callback(models.close)
        hub = Hub()
        engine = _make_engine(settings, database, hub, models, sandboxes)
        services = _make_services(settings, database, hub, models, sandboxes, engine)
        await _know_keys(settings, services.keys)
        await engine.start()
        stack.push_async_callback(_let_go, services.lifecycle, sandboxes, engine)
        reaper = Reaper(sandboxes, services.sessions.statuses, settings.sandbox.expire_days * _DAY)
        stack.push_async_callback(_finish, asyncio.create_task(_keep_order(sandboxes, reaper)))
        yield Running(create_app(services), hub, services.keys)


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


def _make_engine(
    settings: Settings, database: Database, hub: Hub, models: ConfiguredModels, sandboxes: Sandboxes
) -> EmbeddedEngine:
    log = SqlLog(database)
    toolset = Toolset(settings.search_settings(), settings.egress.allow_private)
    parts = Parts(log, hub, models, toolset, sandboxes, settings.runtime_settings())

    async def make(session_id: str) -> Brain | None:
        return await Brain.wake_up(parts, session_id)

    return EmbeddedEngine(make, log.unfinished)


def _make_services(
    settings: Settings,
    database: Database,
    hub: Hub,
    models: ConfiguredModels,
    sandboxes: Sandboxes,
    engine: EmbeddedEngine,
) -> Services:
    sessions, events = Sessions(database), Events(database)
    return Services(
        agents=Agents(database),
        environments=Environments(database),
        sessions=sessions,
        lifecycle=SessionLifecycle(sessions, events, engine, hub, sandboxes),
        events=events,
        threads=Threads(database),
        keys=Keys(database),
        models=models,
        hub=hub,
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


async def _keep_order(sandboxes: Sandboxes, reaper: Reaper) -> None:
    """Take up the sandboxes that outlived the last server; from then on remove those whose time has come."""
    try:
        await sandboxes.recover()
    except Exception:
        _log.exception("some sandboxes could not be recovered")
    await reaper.run()


async def _let_go(lifecycle: SessionLifecycle, sandboxes: Sandboxes, engine: EmbeddedEngine) -> None:
    """Sessions at work stop where they stand. The sandboxes go first: a turn that is cut would end its command."""
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


@contextmanager
def _locked(data_dir: Path) -> Generator[None]:
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataDirectoryInUse(f"Another Journeyman server works on {data_dir}.") from error
        yield
