"""Processes, put together and taken apart: those that answer requests, and those that only run sessions."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from journeyman.api.server import create_app
from journeyman.api.watching import Watching
from journeyman.app.house import House, finish, furnish
from journeyman.app.keys import know_keys
from journeyman.app.refusals import NotShared
from journeyman.app.services import make_lifecycle, make_services
from journeyman.config import Settings
from journeyman.engine.distributed import DistributedEngine
from journeyman.runtime.dreams import Dreamer
from journeyman.runtime.hub import Hub
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.runtime.purge import Purge
from journeyman.runtime.reaper import Reaper
from journeyman.runtime.retention import Retention, Rule
from journeyman.store.database import Database
from journeyman.store.keys import Keys
from journeyman.store.memory_versions import MemoryVersions
from journeyman.store.purging import Purging

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


@asynccontextmanager
async def running(settings: Settings, *, works: bool = True) -> AsyncGenerator[Running]:
    """Everything, started; let go of in the opposite order. Without `works` other processes run the sessions.

    Raises DataDirectoryInUse, DataDirectoryUnusable.
    """
    async with AsyncExitStack() as stack:
        house = await furnish(stack, settings, works=works)
        lifecycle = make_lifecycle(house)
        dreamer = Dreamer(house.dreaming, lifecycle)
        services = make_services(settings, house, lifecycle, dreamer)
        await know_keys(settings, services.keys)
        await house.engine.start()
        stack.push_async_callback(_let_go, house, lifecycle)
        named = {"files": house.files.named, "skills": services.skills.named}
        purge = Purge(house.blobs, house.files.expire, named)
        for work in (dreamer.run(), _keep_order(settings, house), purge.run()):
            stack.push_async_callback(finish, asyncio.create_task(work))
        yield Running(create_app(services, house.watching), house.hub, services.keys)


@asynccontextmanager
async def working(settings: Settings) -> AsyncGenerator[Watching]:
    """A process that runs sessions and answers no requests but for its metrics. Raises as `running`, and NotShared."""
    async with AsyncExitStack() as stack:
        house = await furnish(stack, settings, works=True)
        if not isinstance(house.engine, DistributedEngine):
            raise NotShared
        await house.engine.start()
        lifecycle = make_lifecycle(house)
        stack.push_async_callback(_let_go, house, lifecycle)
        for work in (Dreamer(house.dreaming, lifecycle).run(), _keep_order(settings, house)):
            stack.push_async_callback(finish, asyncio.create_task(work))
        yield house.watching


async def _keep_order(settings: Settings, house: House) -> None:
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


async def _let_go(house: House, lifecycle: SessionLifecycle) -> None:
    """Sessions at work stop where they stand. The sandboxes go first: a turn that is cut would end its command."""
    await lifecycle.settle()
    if house.carrier is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(house.carrier.flush(), _FLUSH)
    await house.sandboxes.close()
    await house.engine.stop()
