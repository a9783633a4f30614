"""Vaults and credentials."""

import asyncio
from typing import Any

import pytest

from journeyman.store.credentials import Credentials
from journeyman.store.vaults import Vaults
from journeyman.wire.errors import ApiError
from journeyman.wire.lists import vault_list
from journeyman.wire.vaults import VaultCreate

from .world import World

BEARER = {"type": "static_bearer", "mcp_server_url": "https://a.example"}


def row(number: int = 0, **fields: Any) -> dict[str, Any]:
    auth = {**BEARER, "mcp_server_url": f"https://{number}.example"}
    base = {"id": f"vcrd_01{number:022d}", "display_name": None, "metadata": {}, "auth": auth, "sealed": "sealed"}
    return {**base, **fields}


async def vault(world: World, workspace: str | None = None) -> str:
    made = await Vaults(world.database).create(workspace or world.workspace, VaultCreate(display_name="one"))
    return made["id"]


async def test_of_several_at_once_one_is_made(world: World) -> None:
    """facts 15.3: one active credential a server, whoever asks at the same time."""
    place, credentials = await vault(world), Credentials(world.database)
    rows = [row(id=f"vcrd_01{number:022d}") for number in range(8)]
    made = await asyncio.gather(
        *(credentials.create(world.workspace, place, each) for each in rows), return_exceptions=True
    )
    refused = [each for each in made if isinstance(each, ApiError)]
    assert len(refused) == 7
    assert {each.status for each in refused} == {409}


async def test_a_change_of_what_has_changed_does_nothing(world: World) -> None:
    place, credentials = await vault(world), Credentials(world.database)
    made = await credentials.create(world.workspace, place, row())
    seen = await credentials.row(world.workspace, place, made["id"])
    assert await credentials.replace(seen, {"sealed": "first", "updated_at": seen["updated_at"] + 1})
    assert await credentials.replace(seen, {"sealed": "second"}) is None
    assert (await credentials.row(world.workspace, place, made["id"]))["sealed"] == "first"


async def test_secrets_are_gone_with_archiving(world: World) -> None:
    """The page on vaults: archiving purges the secret; of a vault, those of all its credentials."""
    place, credentials, vaults = await vault(world), Credentials(world.database), Vaults(world.database)
    one, two = [(await credentials.create(world.workspace, place, row(number)))["id"] for number in range(2)]
    await credentials.archive(world.workspace, place, one)
    assert [each["id"] for each in await credentials.active([place])] == [two]
    assert [each["id"] for each in await credentials.sealed("", 10)] == [two]
    await vaults.archive(world.workspace, place)
    assert not await credentials.active([place])
    assert not await credentials.sealed("", 10)
    shown = await credentials.list(world.workspace, place, vault_list([("include_archived", "true")]))
    assert len(shown.items) == 2
    assert (await credentials.list(world.workspace, place, vault_list([]))).items == []
    await vaults.delete(world.workspace, place)
    with pytest.raises(ApiError, match="Vault not found"):
        await credentials.retrieve(world.workspace, place, one)


async def test_the_first_vault_comes_first(world: World) -> None:
    """facts 15.6."""
    first, second = await vault(world), await vault(world)
    credentials = Credentials(world.database)
    later = (await credentials.create(world.workspace, second, row(1)))["id"]
    sooner = (await credentials.create(world.workspace, first, row(2)))["id"]
    assert [each["id"] for each in await credentials.active([first, second])] == [sooner, later]
    assert [each["id"] for each in await credentials.active([second, first])] == [later, sooner]


async def test_another_workspaces_are_not_there(world: World) -> None:
    foreign, credentials = await vault(world, "other"), Credentials(world.database)
    made = (await credentials.create("other", foreign, row()))["id"]
    for asked in (
        Vaults(world.database).retrieve(world.workspace, foreign),
        credentials.retrieve(world.workspace, foreign, made),
        credentials.create(world.workspace, foreign, row(1)),
        world.session(vault_ids=[foreign]),
    ):
        with pytest.raises(ApiError) as caught:
            await asked
        assert caught.value.status == 404


async def test_pages(world: World) -> None:
    """facts 4: newest first."""
    place, credentials = await vault(world), Credentials(world.database)
    made = [(await credentials.create(world.workspace, place, row(number)))["id"] for number in range(5)]
    found, page = list[str](), None
    while True:
        query = [("limit", "2")] + ([("page", page)] if page else [])
        answer = await credentials.list(world.workspace, place, vault_list(query))
        found += [each["id"] for each in answer.items]
        page = answer.next_page
        if page is None:
            break
    assert found == made[::-1]
