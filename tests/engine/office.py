"""Workers that behave as a test says, and an engine of each kind that runs them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from journeyman.engine.dispatch import Dispatch
from journeyman.engine.distributed import DistributedEngine
from journeyman.engine.embedded import EmbeddedEngine
from journeyman.engine.port import Engine, Worker
from journeyman.runtime.slots import Slots
from journeyman.store.owners import Owner, Owners
from journeyman.store.postgres import PostgresDatabase
from journeyman.wire.ids import new_id

Behave = Callable[["Job"], Awaitable[int | None]]


class Job:
    """A worker of one session, that behaves as its office says."""

    def __init__(self, session_id: str, office: "Office") -> None:
        self.session_id = session_id
        self.office = office
        self.notified = 0

    def notify(self) -> None:
        self.notified += 1

    async def run(self) -> int | None:
        office = self.office
        office.runs[self.session_id] += 1
        office.busy[self.session_id] += 1
        assert office.busy[self.session_id] == 1, "one worker at a time"
        try:
            return await office.behave(self)
        finally:
            office.busy[self.session_id] -= 1


class Office:
    """Makes workers and counts what they do."""

    engine: Engine
    member: Owners
    """Of an engine that is one of several."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.made: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.busy: Counter[str] = Counter()
        self.open: list[tuple[str, int | None]] = []
        self.gone: set[str] = set()

    async def make(self, session_id: str) -> Worker | None:
        self.made[session_id] += 1
        await asyncio.sleep(0)
        return None if session_id in self.gone else Job(session_id, self)

    async def unfinished(self) -> list[tuple[str, int | None]]:
        return self.open


def embedded(behave: Behave) -> Office:
    office = Office(behave)
    office.engine = EmbeddedEngine(office.make, office.unfinished)
    return office


def distributed(behave: Behave, database: PostgresDatabase, **options: Any) -> Office:
    """One of several on a database; not started."""
    office, works = Office(behave), options.get("works", True)
    owner = Owner(new_id("ownr"), options.get("host", "host_one"))
    office.member = Owners(database, owner, works=works)
    office.engine = DistributedEngine(
        office.member,
        lambda woken: Dispatch(database.conninfo, owner.host, woken, Slots().free, works=works),
        office.make,
        options.get("mail", lambda _owner, _session: None),
        works=works,
    )
    return office


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def nothing(_job: Job) -> int | None:
    return None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
