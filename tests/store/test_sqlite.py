"""What is SQLite's own: groups of transactions in one commit, its files, its end."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from journeyman.store.sqlite import SQLiteDatabase

from .conftest import opened
from .world import World


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[SQLiteDatabase]:
    database = SQLiteDatabase(file)
    async with opened(database):
        await database.write(lambda connection: connection.execute(text("CREATE TABLE t (x INTEGER UNIQUE)")) and None)
        yield database


def put(value: int) -> object:
    return lambda connection: connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": value}).rowcount


def put_and_fail(value: int) -> object:
    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": value})
        raise RuntimeError(f"after {value}")

    return work


async def values(database: SQLiteDatabase) -> list[int]:
    return await database.read(
        lambda connection: list(connection.execute(text("SELECT x FROM t ORDER BY x")).scalars())
    )


class Held:
    """Keeps the writer busy, so that what is written meanwhile lands in one group."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._database = database
        self._go = threading.Event()

    async def __aenter__(self) -> None:
        started = threading.Event()

        def wait(_connection: Connection) -> None:
            started.set()
            self._go.wait(10)

        self._busy = asyncio.create_task(self._database.write(wait))
        await asyncio.to_thread(started.wait, 10)

    async def __aexit__(self, *_: object) -> None:
        self._go.set()
        await self._busy


async def test_one_that_fails_in_a_group_harms_no_neighbour(database: SQLiteDatabase) -> None:
    works = [put(1), put_and_fail(2), put(3), put(3), put(4)]
    async with Held(database):
        tasks = [asyncio.create_task(database.write(work)) for work in works]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["int", "RuntimeError", "int", "IntegrityError", "int"]
    assert await values(database) == [1, 3, 4]


async def test_one_that_fails_alone_is_undone(database: SQLiteDatabase) -> None:
    with pytest.raises(RuntimeError, match="after 1"):
        await database.write(put_and_fail(1))
    assert await values(database) == []
    await database.write(put(1))
    assert await values(database) == [1]


async def test_a_caller_that_left_does_not_disturb_its_group(database: SQLiteDatabase) -> None:
    async with Held(database):
        leaving = asyncio.create_task(database.write(put(1)))
        staying = asyncio.create_task(database.write(put(2)))
        await asyncio.sleep(0)
        leaving.cancel()
    assert await staying == 1
    assert 2 in await values(database)


async def test_a_commit_is_seen_by_another_connection(database: SQLiteDatabase, file: Path) -> None:
    await database.write(put(1))
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT x FROM t").fetchall() == [(1,)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_its_connections_sync_fully(database: SQLiteDatabase) -> None:
    def pragma(connection: Connection) -> tuple[int, int]:
        read = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "foreign_keys")]
        return read[0], read[1]

    assert await database.write(pragma) == (2, 1)


async def test_a_reader_sees_one_moment(database: SQLiteDatabase) -> None:
    await database.write(put(1))
    reading, go_on = threading.Event(), threading.Event()

    def twice(connection: Connection) -> tuple[int, int]:
        count = text("SELECT count(*) FROM t")
        first = connection.execute(count).scalar_one()
        reading.set()
        go_on.wait(10)
        return first, connection.execute(count).scalar_one()

    read = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(reading.wait, 10)
    await database.write(put(2))
    go_on.set()
    assert await read == (1, 1)
    assert await values(database) == [1, 2], "a reader does not hold up the writer"


async def test_many_writers_and_readers(database: SQLiteDatabase) -> None:
    async def write(value: int) -> None:
        await database.write(put(value))
        assert value in await values(database), "what is written is read from then on"

    await asyncio.gather(*(write(value) for value in range(200)))
    assert await values(database) == list(range(200))


async def test_nothing_is_written_after_the_end(file: Path) -> None:
    database = SQLiteDatabase(file)
    await database.open()
    await database.close()
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(database.write(lambda _: None), 5)


async def test_what_was_asked_before_the_end_is_still_written(file: Path) -> None:
    database = SQLiteDatabase(file)
    await database.open()
    tasks = [asyncio.create_task(World(database).keys.create("default", str(i))) for i in range(50)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    async with opened(SQLiteDatabase(file)) as again:
        assert len(await World(again).keys.list()) == 50
