"""Sessions: their rows, what they refuse, and their lists."""

import asyncio
import json
import time
from typing import Any

import pytest

from journeyman.store.port import Batch, LostOwnership, ThreadPatch
from journeyman.store.rendering import load
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.lists import session_list
from journeyman.wire.sessions import SessionUpdate, parse_update
from journeyman.wire.times import now_us

from .world import IDLE, RUNNING, Rows, World, message


def change(**fields: Any) -> SessionUpdate:
    return parse_update(json.dumps(fields).encode())


async def refusal(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status, caught.value.message


async def test_a_new_session_is_idle_and_holds_its_agents_snapshot(world: World) -> None:
    agent = await world.agent(name="first")
    session = await world.session(agent=agent["id"], title="t", metadata={"a": "b"})
    await world.agents.update(world.workspace, agent["id"], lambda body: {**body, "name": "second"}, None)
    found = await world.sessions.retrieve(world.workspace, session["id"])
    assert (found["status"], found["title"], load(found["metadata"])) == ("idle", "t", {"a": "b"})
    assert (load(found["agent"])["name"], load(found["agent"])["version"]) == ("first", 1)


async def test_initial_events_make_it_running_and_wait_in_its_inbox(world: World) -> None:
    """facts 7.9."""
    session = await world.session([message("a"), message("b")])
    assert session["status"] == "running"
    items, end = await world.log.inbox(session["id"])
    assert ([item.body["content"][0]["text"] for item in items], end) == (["a", "b"], 2)
    assert (session["id"], None) in await world.log.unfinished()


async def test_what_cannot_be_used_makes_no_session(world: World) -> None:
    agent, environment = await world.agent(), await world.environment()
    missing_agent = world.session(agent=new_id("agent"), environment_id=environment["id"])
    assert (await refusal(missing_agent))[0] == 404
    version = world.session(agent={"type": "agent", "id": agent["id"], "version": 9})
    assert await refusal(version) == (404, "agent.version: 9 not found")
    await world.agents.archive(world.workspace, agent["id"])
    status, text = await refusal(world.session(agent=agent["id"]))
    assert (status, text) == (400, f"agent {agent['id']} is archived and cannot be used to create a session")
    assert (await world.sessions.list(world.workspace, session_list([]))).items == []


async def test_an_update_is_told_to_the_owner_once(world: World) -> None:
    session = await world.session(title="a")
    row, changed = await world.sessions.update(world.workspace, session["id"], change(title="b", metadata={"k": "v"}))
    assert (row["title"], changed) == ("b", True)
    _, again = await world.sessions.update(world.workspace, session["id"], change(title="b"))
    assert not again
    items, _ = await world.log.inbox(session["id"])
    assert [(item.type, item.body) for item in items] == [("session.updated", {"title": "b", "metadata": {"k": "v"}})]
    assert await world.listed(session["id"]) == [], "it is not listed before it is in the log"


async def test_the_agent_changes_only_at_rest(world: World) -> None:
    """facts 7.12."""
    session = await world.session()
    await world.send(session["id"], message())
    update = world.sessions.update(world.workspace, session["id"], change(agent={"tools": []}))
    assert (await refusal(update))[0] == 400
    _, changed = await world.sessions.update(world.workspace, session["id"], change(title="still possible"))
    assert changed


async def test_archive_ends_it_and_its_owner_loses_it(world: World) -> None:
    """facts 7.7: status terminated, archived_at set, idempotent."""
    session_id, claim = await world.owned()
    archived = await world.sessions.archive(world.workspace, session_id)
    assert (archived["status"], archived["archived_at"] is not None) == ("terminated", True)
    assert await world.sessions.archive(world.workspace, session_id) == archived
    with pytest.raises(LostOwnership):
        await world.log.append(session_id, claim.fence, Rows(claim).batch())
    assert await world.log.claim(session_id) is None
    assert (await refusal(world.send(session_id, message())))[0] == 400
    assert (await refusal(world.sessions.update(world.workspace, session_id, change(title="x"))))[0] == 400
    await world.sessions.delete(world.workspace, session_id)


@pytest.mark.parametrize("status", ["running", "rescheduling"])
async def test_one_that_works_is_neither_archived_nor_deleted(world: World, status: str) -> None:
    session_id, claim = await world.owned()
    batch = Rows(claim).batch("session.status_running")
    await world.log.append(session_id, claim.fence, Batch(batch.rows, RUNNING))
    assert (await refusal(world.sessions.archive(world.workspace, session_id)))[0] == 400
    status, text = await refusal(world.sessions.delete(world.workspace, session_id))
    assert (status, text.partition(".")[0]) == (400, "Cannot delete session while it is running")
    await world.log.append(session_id, claim.fence, Batch([], IDLE))
    assert (await world.sessions.archive(world.workspace, session_id))["status"] == "terminated"


async def test_an_unread_message_holds_off_archive_and_delete(world: World) -> None:
    session_id, _ = await world.owned()
    await world.send(session_id, message())
    assert (await refusal(world.sessions.archive(world.workspace, session_id)))[0] == 400
    assert (await refusal(world.sessions.delete(world.workspace, session_id)))[0] == 400


async def test_delete_takes_everything_and_the_owner_loses_it(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    await world.log.append(session_id, claim.fence, rows.batch())
    await world.sessions.delete(world.workspace, session_id)
    with pytest.raises(LostOwnership):
        await world.log.append(session_id, claim.fence, rows.batch())
    assert (await world.log.rows(session_id), await world.log.inbox(session_id)) == ([], ([], 0))
    assert await world.log.claim(session_id) is None
    for call in (world.sessions.retrieve, world.sessions.archive, world.sessions.delete):
        assert await refusal(call(world.workspace, session_id)) == (404, "Session not found.")
    assert (await refusal(world.send(session_id, message())))[0] == 404


async def test_statuses(world: World) -> None:
    one, two, three = [(await world.session())["id"] for _ in range(3)]
    await world.sessions.archive(world.workspace, two)
    await world.sessions.delete(world.workspace, three)
    found = await world.sessions.statuses([one, two, three, "sesn_x"])
    assert {name: status for name, (status, _) in found.items()} == {one: "idle", two: "terminated"}
    assert found[one][1] <= found[two][1] <= time.time()
    assert await world.sessions.statuses([]) == {}


async def test_one_workspace_does_not_see_anothers(world: World) -> None:
    session = await world.session()
    for call in (world.sessions.retrieve, world.sessions.archive, world.sessions.delete):
        assert (await refusal(call("elsewhere", session["id"])))[0] == 404
    send = world.events.send("elsewhere", session["id"], [message()])
    assert (await refusal(send))[0] == 404
    assert (await world.sessions.list("elsewhere", session_list([]))).items == []


async def test_an_id_that_no_id_can_be_is_not_found(world: World) -> None:
    for strange in ("", "x" * 500, "sesn_é", "sesn_'; --"):
        assert (await refusal(world.sessions.retrieve(world.workspace, strange)))[0] == 404


async def _pages(world: World, *query: tuple[str, str]) -> list[list[str]]:
    """All pages, forward."""
    found: list[list[str]] = []
    page = None
    while True:
        asked = session_list([*query, *([("page", page)] if page else [])])
        answer = await world.sessions.list(world.workspace, asked)
        found.append([row["id"] for row in answer.items])
        page = answer.next_page
        if page is None:
            return found


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_go_forward_and_back_in_the_same_order(world: World, order: str) -> None:
    """facts 4.2."""
    agent, environment = await world.agent(), await world.environment()
    made = [(await world.session(agent=agent["id"], environment_id=environment["id"]))["id"] for _ in range(7)]
    expected = made if order == "asc" else made[::-1]
    query = [("limit", "3"), ("order", order)]
    assert await _pages(world, *query) == [expected[:3], expected[3:6], expected[6:]]
    first = await world.sessions.list(world.workspace, session_list(query))
    assert first.prev_page is None
    second = await world.sessions.list(world.workspace, session_list([*query, ("page", first.next_page or "")]))
    back = await world.sessions.list(world.workspace, session_list([*query, ("page", second.prev_page or "")]))
    assert [row["id"] for row in back.items] == expected[:3]
    assert back.prev_page is None
    again = await world.sessions.list(world.workspace, session_list([*query, ("page", back.next_page or "")]))
    assert [row["id"] for row in again.items] == expected[3:6]


async def test_a_cursor_is_bound_to_its_order(world: World) -> None:
    """facts 4.4."""
    agent, environment = await world.agent(), await world.environment()
    for _ in range(3):
        await world.session(agent=agent["id"], environment_id=environment["id"])
    page = (await world.sessions.list(world.workspace, session_list([("limit", "1")]))).next_page or ""
    other = world.sessions.list(world.workspace, session_list([("order", "asc"), ("page", page)]))
    assert await refusal(other) == (400, "page token order does not match request")
    broken = world.sessions.list(world.workspace, session_list([("page", page[:-5] + "!!")]))
    assert await refusal(broken) == (400, "invalid page cursor")


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_show_every_old_session_once_while_new_ones_are_made(world: World, order: str) -> None:
    agent, environment = await world.agent(), await world.environment()

    async def make() -> str:
        return (await world.session(agent=agent["id"], environment_id=environment["id"]))["id"]

    old = {await make() for _ in range(12)}
    making = asyncio.gather(*(make() for _ in range(20)))
    seen = [each for page in await _pages(world, ("limit", "2"), ("order", order)) for each in page]
    await making
    assert len(seen) == len(set(seen))
    assert old <= set(seen)


async def test_filters(world: World) -> None:
    agent = await world.agent()
    mine = await world.session(agent=agent["id"])
    other = await world.session()
    await world.sessions.archive(world.workspace, other["id"])
    await world.agents.update(world.workspace, agent["id"], lambda body: {**body, "name": "v2"}, None)
    newer = await world.session(agent=agent["id"])

    async def found(*query: tuple[str, str]) -> list[str]:
        return [row["id"] for row in (await world.sessions.list(world.workspace, session_list(list(query)))).items]

    assert await found() == [newer["id"], mine["id"]]
    assert await found(("include_archived", "true")) == [newer["id"], other["id"], mine["id"]]
    assert await found(("agent_id", agent["id"]), ("agent_version", "1")) == [mine["id"]]
    assert await found(("statuses[]", "terminated"), ("include_archived", "true")) == [other["id"]]
    assert await found(("statuses[]", "idle"), ("statuses[]", "running")) == [newer["id"], mine["id"]]
    assert await found(("deployment_id", "depl_x")) == []


async def test_its_thread_moves_with_it(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    starts = ThreadPatch(claim.thread_id, "running", now_us(), 0, 1)
    await world.log.append(
        session_id, claim.fence, Batch([rows.row("session.status_running")], RUNNING, threads=[starts])
    )
    running = await world.threads.retrieve(world.workspace, session_id, claim.thread_id)
    assert (running["status"], running["usage"], running["startup_us"] is None) == ("running", None, False)
    stops = ThreadPatch(claim.thread_id, "idle", now_us(), 1_000, usage={"input_tokens": 3})
    await world.log.append(session_id, claim.fence, Batch([rows.row("session.status_idle")], IDLE, threads=[stops]))
    idle = await world.threads.retrieve(world.workspace, session_id, claim.thread_id)
    assert (idle["status"], load(idle["usage"]), idle["active_us"]) == ("idle", {"input_tokens": 3}, 1_000)
    assert idle["startup_us"] == running["startup_us"], "the time to the first run stays"
    await world.sessions.archive(world.workspace, session_id)
    ended = await world.threads.retrieve(world.workspace, session_id, claim.thread_id)
    assert ended["status"] == "terminated"
