"""Events as clients see them: sent into the inbox, listed from the log and then the inbox."""

import asyncio
import base64
import json
from typing import Any

import pytest

from journeyman.store.events import NewEvent
from journeyman.store.port import Batch, Claim
from journeyman.wire.errors import ApiError
from journeyman.wire.ids import new_id
from journeyman.wire.lists import agent_list, event_list
from journeyman.wire.times import now_us, to_wire

from .world import IDLE, Rows, World, message


async def refusal(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as caught:
        await awaitable
    return caught.value.status, caught.value.message


async def take_all(world: World, session_id: str, claim: Claim, rows: Rows) -> None:
    """What an owner does with its inbox."""
    items, end = await world.log.inbox(session_id)
    made = [rows.row(item.type, id=item.id, **item.body) for item in items]
    await world.log.append(session_id, claim.fence, Batch(made, taken=[item.seq for item in items], seen=end))


def texts(listed: list[dict[str, Any]]) -> list[str]:
    return [event["content"][0]["text"] for event in listed]


async def test_what_is_queued_lists_last_without_a_time(world: World) -> None:
    """facts 8.2."""
    session_id, claim = await world.owned()
    rows = Rows(claim)
    await world.send(session_id, message("taken"))
    await take_all(world, session_id, claim, rows)
    await world.send(session_id, message("queued"), message("behind"))
    listed = await world.listed(session_id)
    assert texts(listed) == ["taken", "queued", "behind"]
    assert [event["processed_at"] is None for event in listed] == [False, True, True]
    assert texts(await world.listed(session_id, order="desc")) == ["behind", "queued", "taken"]
    assert list(listed[1]) == ["id", "type", "content", "processed_at"], "facts 8.4"


async def test_sending_is_all_or_nothing(world: World) -> None:
    session = await world.session()
    bad = NewEvent("user.interrupt", {"session_thread_id": new_id("sthr")})
    assert (await refusal(world.send(session["id"], message(), bad)))[0] == 400
    assert (await world.log.inbox(session["id"])) == ([], 0)


async def test_concurrent_sends_keep_their_own_order_and_get_places_without_gaps(world: World) -> None:
    session = await world.session()
    sends = [world.send(session["id"], *(message(f"{i}.{part}") for part in range(3))) for i in range(15)]
    await asyncio.gather(*sends)
    items, end = await world.log.inbox(session["id"])
    assert [item.seq for item in items] == list(range(1, 46))
    assert end == 45
    for i in range(15):
        mine = [(item.body["content"][0]["text"], item.seq) for item in items]
        mine = [(said, place) for said, place in mine if said.startswith(f"{i}.")]
        assert [said for said, _ in mine] == [f"{i}.0", f"{i}.1", f"{i}.2"]
        assert mine[2][1] - mine[0][1] == 2, "one request's events stay together"


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_cross_from_the_log_into_the_queue(world: World, order: str) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    for i in range(5):
        await world.send(session_id, message(f"log {i}"))
    await take_all(world, session_id, claim, rows)
    for i in range(4):
        await world.send(session_id, message(f"queue {i}"))
    expected = [f"log {i}" for i in range(5)] + [f"queue {i}" for i in range(4)]
    expected = expected if order == "asc" else expected[::-1]
    for limit in (1, 2, 3, 4, 5, 9, 10):
        assert texts(await world.listed(session_id, order=order, limit=limit)) == expected


async def test_paging_misses_nothing_that_is_taken_between_two_pages(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    for i in range(4):
        await world.send(session_id, message(str(i)))
    first = await world.events.list(world.workspace, session_id, event_list([("limit", "2")]))
    await take_all(world, session_id, claim, rows)
    query = event_list([("limit", "10"), ("page", first.next_page or "")])
    second = await world.events.list(world.workspace, session_id, query)
    shown = {item.partition('"text":"')[2][0] for item in [*first.items, *second.items]}
    assert shown == {"0", "1", "2", "3"}


async def test_a_list_taken_while_events_move_into_the_log_shows_each_once(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    sent = 0

    async def client() -> None:
        nonlocal sent
        for i in range(40):
            await world.send(session_id, message(str(i)))
            sent = i + 1
            await take_all(world, session_id, claim, rows)

    task = asyncio.create_task(client())
    while not task.done():
        for order in ("asc", "desc"):
            before = sent
            page = await world.events.list(
                world.workspace, session_id, event_list([("limit", "1000"), ("order", order)])
            )
            found = [item.partition('"text":"')[2].partition('"')[0] for item in page.items]
            assert len(found) == len(set(found)), f"{order}: doubled"
            assert {str(i) for i in range(before)} <= set(found), f"{order}: missing"
    await task


async def test_types_and_times_filter_both_parts(world: World) -> None:
    session_id, claim = await world.owned()
    at = now_us()
    rows = Rows(claim)
    made = [rows.row("agent.message", at=at + i, content=[{"type": "text", "text": str(i)}]) for i in range(5)]
    made.append(rows.row("span.model_request_start", at=at + 5))
    await world.log.append(session_id, claim.fence, Batch(made))
    await world.send(session_id, message("queued"))
    assert texts(await world.listed(session_id, types="agent.message")) == list("01234")
    assert texts(await world.listed(session_id, types="user.message")) == ["queued"]
    bounded = await world.listed(session_id, **{"created_at[gt]": to_wire(at + 1), "created_at[lte]": to_wire(at + 3)})
    assert texts(bounded) == ["2", "3"], "a bound leaves out what has no time"


async def test_what_is_not_shown_is_listed_by_its_thread_only(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    await world.log.append(session_id, claim.fence, Batch([rows.row("agent.message", shown=False)]))
    assert await world.listed(session_id) == []
    page = await world.events.list(world.workspace, session_id, event_list([]), thread_id=claim.thread_id)
    assert len(page.items) == 1
    elsewhere = await world.events.list(world.workspace, session_id, event_list([]), thread_id=new_id("sthr"))
    assert elsewhere.items == []


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    session, _ = await world.session(), await world.session()
    page = await world.agents.list(world.workspace, agent_list([("limit", "1")]))
    assert page.next_page is not None
    query = event_list([("order", "desc"), ("page", page.next_page)])
    answer = world.events.list(world.workspace, session["id"], query)
    assert await refusal(answer) == (400, "invalid page cursor")


@pytest.mark.parametrize(
    "packed", [["events", "a", "x", 0, 0], ["events", "a", [1], 0, 0], ["events", "a", [1, 2], "x", 0], 1]
)
async def test_a_made_up_cursor_is_refused(world: World, packed: Any) -> None:
    session = await world.session()
    page = "page_" + base64.urlsafe_b64encode(json.dumps(packed).encode()).decode().rstrip("=")
    answer = world.events.list(world.workspace, session["id"], event_list([("page", page)]))
    assert await refusal(answer) == (400, "invalid page cursor")


async def calls(world: World) -> tuple[str, dict[str, str]]:
    """A session whose log has an `ask`, an `allow` and a custom call, and which requires action."""
    session_id, claim = await world.owned()
    rows = Rows(claim)
    made = [
        rows.row("agent.tool_use", name="bash", input={}, evaluated_permission="ask"),
        rows.row("agent.tool_use", name="bash", input={}, evaluated_permission="allow"),
        rows.row("agent.custom_tool_use", name="mine", input={}),
    ]
    ids = dict(zip(("ask", "allow", "custom"), (row.id for row in made), strict=True))
    stop = {"type": "requires_action", "event_ids": [ids["ask"], ids["custom"]]}
    made.append(rows.row("session.status_idle", stop_reason=stop, stop_details=None))
    await world.log.append(session_id, claim.fence, Batch(made, IDLE))
    return session_id, ids


def confirmation(target: str) -> NewEvent:
    return NewEvent("user.tool_confirmation", {"tool_use_id": target, "result": "allow", "deny_message": None})


def result(target: str) -> NewEvent:
    return NewEvent("user.custom_tool_result", {"custom_tool_use_id": target, "content": []}, now_us())


SYSTEM = NewEvent("system.message", {"content": [{"type": "text", "text": "x"}]})


async def test_answers_must_name_a_call_that_can_be_answered_so(world: World) -> None:
    """facts 9.4: confirming an event whose evaluated_permission is not `ask` is refused."""
    session_id, ids = await calls(world)
    for bad in (
        confirmation(ids["allow"]), confirmation(ids["custom"]), confirmation(new_id("sevt")),
        result(ids["ask"]), result(new_id("sevt")),
    ):  # fmt: skip
        status, text = await refusal(world.send(session_id, bad))
        assert (status, text.startswith("events.0.")) == (400, True)
    other = await world.session()
    assert (await refusal(world.send(other["id"], confirmation(ids["ask"]))))[0] == 400
    await world.send(session_id, confirmation(ids["ask"]), result(ids["custom"]))
    await world.send(session_id, result(ids["custom"]))


async def test_a_system_message_while_action_is_required_follows_a_result(world: World) -> None:
    """facts 8.19."""
    session_id, ids = await calls(world)
    assert (await refusal(world.send(session_id, SYSTEM)))[0] == 400
    assert (await refusal(world.send(session_id, message(), SYSTEM)))[0] == 400
    await world.send(session_id, result(ids["custom"]), SYSTEM)
    at_rest = await world.session()
    await world.send(at_rest["id"], SYSTEM)


async def test_a_result_keeps_the_time_of_its_receipt(world: World) -> None:
    """facts 8.2: a custom tool result is processed on receipt."""
    session_id, ids = await calls(world)
    sent = result(ids["custom"])
    await world.send(session_id, sent)
    queued = [event for event in await world.listed(session_id) if event["id"] == sent.id]
    assert [event["processed_at"] for event in queued] == [to_wire(sent.processed_at or 0)]
    items, _ = await world.log.inbox(session_id)
    assert items[0].processed_at == sent.processed_at
