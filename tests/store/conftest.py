"""Every store test runs on both backends."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from journeyman.store.database import Database
from journeyman.store.postgres import PostgresDatabase
from journeyman.store.sqlite import SQLiteDatabase
from journeyman.store.tables import metadata

from .world import World

Open = Callable[[], Database]
"""Gives one more handle on the test's own database."""


@pytest.fixture(scope="session")
def administrator(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A database without anything in it; a schema it may have."""
    if request.param == "sqlite":
        return lambda: SQLiteDatabase(tmp_path / "log.db")
    administrator: psycopg.Connection = request.getfixturevalue("administrator")
    if administrator.execute("SELECT to_regclass('sessions')").fetchone() != (None,):
        administrator.execute(f"TRUNCATE {', '.join(metadata.tables)}")
    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresDatabase(url)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A database without even a schema."""
    if request.param == "sqlite":
        return lambda: SQLiteDatabase(tmp_path / "log.db")
    administrator: psycopg.Connection = request.getfixturevalue("administrator")
    administrator.execute("DROP DATABASE IF EXISTS fresh WITH (FORCE)")
    administrator.execute("CREATE DATABASE fresh")
    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresDatabase(f"{url.rpartition('/')[0]}/fresh")


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Database]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(backend: Open) -> AsyncIterator[Database]:
    async with opened(backend()) as database:
        yield database


@pytest.fixture
async def world(database: Database) -> World:
    return World(database)
