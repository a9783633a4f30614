"""Who hears what."""

import asyncio
import json
from typing import Any

from journeyman.runtime import hub as module
from journeyman.runtime.hub import Hub, Subscriber

MESSAGE = frozenset({"agent.message"})
NONE: frozenset[str] = frozenset()


def event(number: int = 1) -> dict[str, Any]:
    return {"type": "agent.message", "id": f"sevt_{number}"}


def names(frames: bytes | None) -> list[str]:
    return [json.loads(frame.partition(b"data: ")[2])["id"] for frame in (frames or b"").split(b"\n\n") if frame]


async def test_frames_have_the_type_as_event_name_and_come_in_one_piece() -> None:
    """facts 10.3."""
    hub = Hub()
    listener = hub.subscribe("s", None, NONE)
    for number in (1, 2):
        hub.publish("s", event(number), thread_id="t", shown=True)
    frames = await listener.take(1)
    assert frames is not None
    assert frames.startswith(b'event: agent.message\ndata: {"type":"agent.message","id":"sevt_1"}\n\n')
    assert names(frames) == ["sevt_1", "sevt_2"]


async def test_the_session_hears_what_is_shown_a_thread_what_is_its_own() -> None:
    hub = Hub()
    session, one, two = (hub.subscribe("s", thread, NONE) for thread in (None, "one", "two"))
    other = hub.subscribe("other", None, NONE)
    hub.publish("s", event(1), thread_id="one", shown=True)
    hub.publish("s", event(2), thread_id="two", shown=False)
    hub.publish("s", event(3), thread_id=None, shown=True)
    heard = [names(b"".join(each.frames)) for each in (session, one, two, other)]
    assert heard == [["sevt_1", "sevt_3"], ["sevt_1"], ["sevt_2"], []]


async def test_previews_go_to_those_who_asked_for_them() -> None:
    hub = Hub()
    asked, silent = hub.subscribe("s", None, MESSAGE), hub.subscribe("s", None, NONE)
    child = hub.subscribe("s", "child", MESSAGE)
    hub.preview("s", {"type": "event_start", "id": "p"}, of="agent.message", thread_id="main", primary=True)
    hub.preview("s", {"type": "event_start", "id": "q"}, of="agent.thinking", thread_id="main", primary=True)
    hub.preview("s", {"type": "event_start", "id": "r"}, of="agent.message", thread_id="child", primary=False)
    assert [names(b"".join(each.frames)) for each in (asked, silent, child)] == [["p"], [], ["r"]]
    assert hub.wants_previews("s")
    hub.leave(asked)
    hub.leave(child)
    assert not hub.wants_previews("s")


async def test_a_reader_that_stalls_is_cut_off_and_costs_no_more() -> None:
    hub = Hub()
    stalled, reading = hub.subscribe("s", None, NONE), hub.subscribe("s", None, NONE)
    most = module._BACKLOG
    got = 0
    for number in range(most + 10):
        hub.publish("s", event(number), thread_id="t", shown=True)
        if number % 1_000 == 0:
            got += len(names(await reading.take(1)))
    got += len(names(await reading.take(1)))
    assert got == most + 10
    assert stalled.closed
    assert len(stalled.frames) == most
    assert len(names(await stalled.take(1))) == most, "what it was given it still gets, in order and without a gap"
    assert await stalled.take(1) is None


async def test_silence_is_told_apart_from_the_end() -> None:
    hub = Hub()
    listener = hub.subscribe("s", None, NONE)
    assert await listener.take(0.01) == b""
    hub.publish("s", event(1), thread_id="t", shown=True)
    hub.end("s")
    hub.publish("s", event(2), thread_id="t", shown=True)
    assert names(await listener.take(1)) == ["sevt_1"]
    assert await listener.take(1) is None
    assert await listener.take(1) is None


async def test_a_waiting_reader_is_woken_by_a_frame_and_by_the_end() -> None:
    hub = Hub()
    listener = hub.subscribe("s", None, NONE)
    waiting = asyncio.create_task(listener.take(30))
    await asyncio.sleep(0)
    hub.publish("s", event(1), thread_id="t", shown=True)
    assert names(await waiting) == ["sevt_1"]
    waiting = asyncio.create_task(listener.take(30))
    await asyncio.sleep(0)
    hub.close()
    assert await waiting is None


async def test_one_that_leaves_is_forgotten() -> None:
    hub = Hub()
    listener: Subscriber = hub.subscribe("s", None, MESSAGE)
    hub.leave(listener)
    hub.leave(listener)
    hub.publish("s", event(1), thread_id="t", shown=True)
    assert not listener.frames
