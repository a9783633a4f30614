"""The schema: made from nothing, kept when it is there, and the one that the tables describe."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from journeyman.store import schema
from journeyman.store.tables import metadata

from .conftest import Open, opened
from .world import World, message


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_migrations_make_what_the_tables_describe(empty: Open) -> None:
    async with opened(empty()) as database:
        differences = await database.read(lambda connection: compare_metadata(_context(connection), metadata))
    assert differences == []


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True})


async def test_what_was_written_is_there_after_reopening(empty: Open) -> None:
    async with opened(empty()) as first:
        session = await World(first).session([message("before")])
    async with opened(empty()) as second:
        assert [event["type"] for event in await World(second).listed(session["id"])] == ["user.message"]


async def test_several_handles_open_an_empty_database_at_once(empty: Open) -> None:
    handles = [empty() for _ in range(4)]
    await asyncio.gather(*(handle.open() for handle in handles))
    try:
        for number, handle in enumerate(handles):
            await World(handle).keys.create("default", f"key {number}")
        assert len(await World(handles[0]).keys.list()) == 4
    finally:
        await asyncio.gather(*(handle.close() for handle in handles))


async def test_a_schema_from_the_future_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'future.db'}"
    engine = create_engine(url)
    schema.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Exception, match="9999"):
        schema.migrate(engine)
    assert schema.current(engine) == "9999"
    engine.dispose()
