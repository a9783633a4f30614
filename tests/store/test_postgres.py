"""What only a database of many processes has to care for."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from journeyman.store.postgres import PostgresDatabase
from journeyman.store.tables import sessions

from .conftest import Open, opened
from .world import World


class Stopped(threading.Thread):
    """A process that stops in the middle of a transaction in which it has locked a session."""

    def __init__(self, url: str, session_id: str) -> None:
        super().__init__()
        self._url = url
        self._session_id = session_id
        self.has_locked = threading.Event()
        self.goes_on = threading.Event()
        self.failed = False

    def run(self) -> None:
        try:
            asyncio.run(self._write())
        except Exception:
            self.failed = True

    async def _write(self) -> None:
        async with opened(PostgresDatabase(self._url)) as database:
            await database.write(self._work)

    def _work(self, connection: Connection) -> None:
        statement = select(sessions.c.id).where(sessions.c.id == self._session_id).with_for_update()
        connection.execute(statement)
        self.has_locked.set()
        self.goes_on.wait(30)
        connection.execute(statement)


@pytest.fixture
def stopped() -> Iterator[list[Stopped]]:
    found: list[Stopped] = []
    yield found
    for each in found:
        each.goes_on.set()
        each.join(10)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_one_that_stops_in_a_transaction_holds_nobody_up(
    backend: Open, postgres_url: str, stopped: list[Stopped]
) -> None:
    async with opened(backend()) as database:
        world = World(database)
        session = await world.session()
        other = Stopped(postgres_url, session["id"])
        stopped.append(other)
        other.start()
        assert await asyncio.to_thread(other.has_locked.wait, 10)
        async with asyncio.timeout(10):
            assert await world.log.claim(session["id"]) is not None
        other.goes_on.set()
        await asyncio.to_thread(other.join, 10)
        assert other.failed, "what it wanted to write is not written"
