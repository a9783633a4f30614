"""Environments."""

import asyncio
from typing import Any

import pytest

from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.lists import environment_list

from .world import World


async def refusal(awaitable: Any) -> tuple[int, str | None]:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status, caught.value.code


async def test_made_read_and_changed(world: World) -> None:
    made = await world.environment(name="first")
    assert await world.environments.retrieve(world.workspace, made["id"]) == made
    same = await world.environments.update(world.workspace, made["id"], dict)
    assert same == made
    changed = await world.environments.update(world.workspace, made["id"], lambda body: {**body, "name": "second"})
    assert changed["name"] == "second"
    assert changed["updated_at"] > made["updated_at"]
    assert await world.environments.retrieve(world.workspace, made["id"]) == changed


async def test_concurrent_changes_all_count(world: World) -> None:
    made = await world.environment(metadata={})

    def mark(key: str) -> Any:
        return lambda body: {**body, "metadata": {**body["metadata"], key: "x"}}

    await asyncio.gather(*(world.environments.update(world.workspace, made["id"], mark(f"k{i}")) for i in range(10)))
    found = await world.environments.retrieve(world.workspace, made["id"])
    assert sorted(found["metadata"]) == [f"k{i}" for i in range(10)]


async def test_archive_is_idempotent_hides_and_refuses_sessions(world: World) -> None:
    """facts 6.6."""
    made = await world.environment()
    archived = await world.environments.archive(world.workspace, made["id"])
    assert (archived["state"], archived["archived_at"] is not None) == ("archived", True)
    assert await world.environments.archive(world.workspace, made["id"]) == archived
    assert (await world.environments.list(world.workspace, environment_list([]))).items == []
    shown = await world.environments.list(world.workspace, environment_list([("include_archived", "true")]))
    assert shown.items == [archived]
    assert await refusal(world.session(environment_id=made["id"])) == (400, "environment_archived")
    update = world.environments.update(world.workspace, made["id"], lambda body: body)
    assert await refusal(update) == (400, "environment_archived")


async def test_deleting_one_that_sessions_use_leaves_them_readable(world: World) -> None:
    """facts 6.7."""
    made = await world.environment()
    session = await world.session(environment_id=made["id"])
    await world.environments.delete(world.workspace, made["id"])
    assert (await world.sessions.retrieve(world.workspace, session["id"]))["environment_id"] == made["id"]
    assert await refusal(world.environments.retrieve(world.workspace, made["id"])) == (404, "environment_not_found")
    assert await refusal(world.environments.delete(world.workspace, made["id"])) == (404, "environment_not_found")
    assert await world.log.claim(session["id"]) is not None


async def test_one_workspace_does_not_see_anothers(world: World) -> None:
    made = await world.environment()
    for call in (world.environments.retrieve, world.environments.archive, world.environments.delete):
        assert (await refusal(call("elsewhere", made["id"])))[0] == 404
    assert (await world.environments.list("elsewhere", environment_list([]))).items == []
    assert (await refusal(world.environments.retrieve(world.workspace, new_id("env"))))[0] == 404


async def test_pages(world: World) -> None:
    made = [(await world.environment(name=f"e{i}"))["id"] for i in range(5)]
    first = await world.environments.list(world.workspace, environment_list([("limit", "2")]))
    second = await world.environments.list(
        world.workspace, environment_list([("limit", "3"), ("page", first.next_page or "")])
    )
    assert [item["id"] for item in first.items + second.items] == made[::-1]
    assert second.next_page is None
