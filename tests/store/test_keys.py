"""API keys."""

import asyncio
import json

from journeyman.store.keys import PREFIX
from journeyman.store.tables import api_keys

from .world import World


async def test_a_key_is_found_by_its_secret_and_only_by_it(world: World) -> None:
    key_id, secret = await world.keys.create("default", "mine")
    found = await world.keys.find(secret)
    assert found is not None
    assert (found["id"], found["workspace_id"], found["name"]) == (key_id, "default", "mine")
    assert secret.startswith(PREFIX)
    assert await world.keys.find(secret[:-1]) is None
    assert await world.keys.find("") is None


async def test_the_secret_is_nowhere_in_the_database(world: World) -> None:
    _, secret = await world.keys.create("default", "mine")
    rows = await world.database.read(
        lambda connection: [dict(row) for row in connection.execute(api_keys.select()).mappings()]
    )
    assert secret not in json.dumps(rows)
    assert rows[0]["hint"].endswith(secret[-4:])


async def test_a_revoked_key_opens_nothing(world: World) -> None:
    key_id, secret = await world.keys.create("default", "mine")
    assert await world.keys.revoke(key_id)
    assert await world.keys.find(secret) is None
    assert not await world.keys.revoke(key_id)
    assert [row["revoked_at"] is not None for row in await world.keys.list()] == [True]


async def test_adding_a_known_secret_again_gives_the_same_key(world: World) -> None:
    first = await world.keys.add("default", "configured", "sk-journeyman-abc")
    assert await world.keys.add("default", "configured", "sk-journeyman-abc") == first
    assert len(await world.keys.list()) == 1


async def test_a_configured_key_that_was_revoked_stays_revoked_at_the_next_start(world: World) -> None:
    key_id = await world.keys.add("default", "configured", "sk-journeyman-abc")
    await world.keys.revoke(key_id)
    assert await world.keys.add("default", "configured", "sk-journeyman-abc") == key_id
    assert await world.keys.find("sk-journeyman-abc") is None


async def test_two_servers_that_start_at_once_agree_on_a_configured_key(world: World) -> None:
    ids = await asyncio.gather(*(world.keys.add("default", "configured", "sk-journeyman-abc") for _ in range(6)))
    assert len(set(ids)) == 1
    assert len(await world.keys.list()) == 1
