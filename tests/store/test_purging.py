"""Purging: by one process at a time, and never what is not over."""

import psycopg
import pytest

from journeyman.store.postgres import PostgresDatabase
from journeyman.store.purging import Purging
from journeyman.wire.times import now_us

from .world import World, message


async def test_what_is_over(world: World) -> None:
    over, idle, running = await world.session(), await world.session(), await world.session([message()])
    await world.sessions.archive(world.workspace, over["id"])
    purging, ids = Purging(world.database), [over["id"], idle["id"], running["id"]]
    assert await purging.archived_sessions(now_us() - 60_000_000) is False
    assert len(await world.sessions.statuses(ids)) == 3
    assert await purging.archived_sessions(now_us()) is False
    assert set(await world.sessions.statuses(ids)) == {idle["id"], running["id"]}


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_another_process_purges(world: World) -> None:
    assert isinstance(world.database, PostgresDatabase)
    over = (await world.session())["id"]
    await world.sessions.archive(world.workspace, over)
    purging = Purging(world.database)
    with psycopg.connect(world.database.conninfo) as other:
        other.execute("SELECT pg_advisory_xact_lock(7163003)")
        assert await purging.archived_sessions(now_us()) is False
        assert await world.sessions.statuses([over])
    await purging.archived_sessions(now_us())
    assert not await world.sessions.statuses([over])
