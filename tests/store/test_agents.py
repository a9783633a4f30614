"""Agents and their versions."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.lists import agent_list, version_list

from .world import World, agent_body

Body = dict[str, Any]


def renamed(name: str) -> Callable[[Body], Body]:
    return lambda body: {**body, "name": name}


async def refusal(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status, caught.value.message


async def test_a_new_agent_is_version_1(world: World) -> None:
    made = await world.agent(name="first")
    assert (made["name"], made["version"], made["archived_at"]) == ("first", 1, None)
    assert made["created_at"] == made["updated_at"]
    assert await world.agents.retrieve(world.workspace, made["id"]) == made


async def test_an_update_makes_a_version_and_keeps_the_old_one(world: World) -> None:
    made = await world.agent(name="first")
    second = await world.agents.update(world.workspace, made["id"], renamed("second"), None)
    assert (second["version"], second["name"], second["created_at"]) == (2, "second", made["created_at"])
    assert second["updated_at"] > made["updated_at"]
    assert await world.agents.retrieve(world.workspace, made["id"], 1) == made
    assert await world.agents.retrieve(world.workspace, made["id"]) == second


async def test_a_change_that_changes_nothing_makes_no_version(world: World) -> None:
    made = await world.agent(name="same")
    assert await world.agents.update(world.workspace, made["id"], renamed("same"), 1) == made


async def test_a_stale_version_is_refused_and_uses_up_no_number(world: World) -> None:
    """facts 5.10: 409 even when nothing would change, and no version number is used up."""
    made = await world.agent(name="a")
    await world.agents.update(world.workspace, made["id"], renamed("b"), 1)
    status, text = await refusal(world.agents.update(world.workspace, made["id"], renamed("b"), 1))
    assert (status, text.split(".")[0]) == (409, "Concurrent modification detected")
    third = await world.agents.update(world.workspace, made["id"], renamed("c"), 2)
    assert third["version"] == 3


async def test_concurrent_updates_each_get_a_version(world: World) -> None:
    made = await world.agent(name="a")
    updates = [world.agents.update(world.workspace, made["id"], renamed(f"n{i}"), None) for i in range(12)]
    versions = [answer["version"] for answer in await asyncio.gather(*updates)]
    assert sorted(versions) == list(range(2, 14))
    page = await world.agents.versions(world.workspace, made["id"], version_list([]))
    assert [item["version"] for item in page.items] == list(range(13, 0, -1))


async def test_of_concurrent_updates_of_one_version_one_wins(world: World) -> None:
    made = await world.agent(name="a")
    updates = [world.agents.update(world.workspace, made["id"], renamed(f"n{i}"), 1) for i in range(8)]
    answers = await asyncio.gather(*updates, return_exceptions=True)
    lost = [answer.status for answer in answers if isinstance(answer, ApiError)]
    assert lost == [409] * 7


async def test_archive_is_idempotent_and_final(world: World) -> None:
    """facts 5.13: the archive's answer has updated_at = the time of archiving, a later GET the version's own."""
    made = await world.agent()
    archived = await world.agents.archive(world.workspace, made["id"])
    assert archived["updated_at"] == archived["archived_at"] > made["updated_at"]
    assert await world.agents.archive(world.workspace, made["id"]) == archived
    assert await world.agents.retrieve(world.workspace, made["id"]) == made | {"archived_at": archived["archived_at"]}
    update = world.agents.update(world.workspace, made["id"], renamed("x"), None)
    assert await refusal(update) == (400, "Cannot modify archived agent")


async def test_archiving_while_it_is_updated(world: World) -> None:
    made = await world.agent(name="a")
    update = world.agents.update(world.workspace, made["id"], renamed("b"), None)
    archive = world.agents.archive(world.workspace, made["id"])
    answers = await asyncio.gather(update, archive, return_exceptions=True)
    if isinstance(answers[0], ApiError):
        assert answers[0].message == "Cannot modify archived agent"
    assert not isinstance(answers[1], BaseException)
    assert answers[1]["archived_at"] is not None


async def test_what_is_not_there(world: World) -> None:
    made = await world.agent()
    assert await refusal(world.agents.retrieve(world.workspace, "agent_x")) == (400, "Invalid agent ID.")
    assert await refusal(world.agents.retrieve(world.workspace, new_id("agent"))) == (404, "Agent not found.")
    unknown = world.agents.retrieve(world.workspace, made["id"], 2)
    assert await refusal(unknown) == (404, "Agent version not found.")
    assert await refusal(world.agents.retrieve("elsewhere", made["id"])) == (404, "Agent not found.")
    assert await refusal(world.agents.archive("elsewhere", made["id"])) == (404, "Agent not found.")


async def test_the_list_is_of_latest_versions_newest_first_without_archived_ones(world: World) -> None:
    made = [await world.agent(name=f"a{i}") for i in range(5)]
    await world.agents.update(world.workspace, made[1]["id"], renamed("changed"), None)
    await world.agents.archive(world.workspace, made[3]["id"])
    page = await world.agents.list(world.workspace, agent_list([]))
    assert [item["name"] for item in page.items] == ["a4", "a2", "changed", "a0"]
    everything = await world.agents.list(world.workspace, agent_list([("include_archived", "true")]))
    assert len(everything.items) == 5
    assert (await world.agents.list("elsewhere", agent_list([]))).items == []


async def test_pages_show_every_old_item_once_while_new_ones_are_made(world: World) -> None:
    made = {(await world.agent(name=f"a{i}"))["id"] for i in range(11)}
    seen: list[str] = []
    page = None
    while True:
        query = [("limit", "2"), *([("page", page)] if page else [])]
        answer, _ = await asyncio.gather(world.agents.list(world.workspace, agent_list(query)), world.agent())
        seen += [item["id"] for item in answer.items]
        page = answer.next_page
        if page is None:
            break
    assert len(seen) == len(set(seen))
    assert made <= set(seen)
    assert len(set(seen) - made) <= 1, "what is newer than the cursor does not appear behind it"


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    for _ in range(3):
        made = await world.agent()
    agents_page = await world.agents.list(world.workspace, agent_list([("limit", "1")]))
    assert agents_page.next_page is not None
    answer = world.agents.versions(world.workspace, made["id"], version_list([("page", agents_page.next_page)]))
    assert await refusal(answer) == (400, "invalid page cursor")


async def test_a_roster_of_another_workspaces_agent_is_refused(world: World) -> None:
    made = await world.agent()
    lead = agent_body(multiagent={"type": "coordinator", "agents": [made["id"]]})
    status, text = await refusal(world.agents.create("other", lead))
    assert (status, text) == (400, f"multiagent.agents.0: agent {made['id']} not found")
    assert (await world.agents.create(world.workspace, lead))["multiagent"]["agents"][0]["version"] == 1
