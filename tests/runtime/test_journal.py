"""The owner's pen: order, holding back, closing, and a commit that fails."""

import asyncio
import json

import pytest

from journeyman.runtime.draft import Draft
from journeyman.runtime.folding import fold
from journeyman.runtime.hub import Hub, Subscriber
from journeyman.runtime.journal import Journal
from journeyman.runtime.session import SessionState
from journeyman.store.port import LostOwnership

from .memory_log import Crash, MemoryLog
from .surroundings import agent


class Desk:
    """A journal on a fresh log, and a listener."""

    def __init__(self, log: MemoryLog, journal: Journal, state: SessionState, stream: Subscriber) -> None:
        self.log, self.journal, self.state, self.stream = log, journal, state, stream

    @property
    def shown(self) -> list[str]:
        frames = b"".join(self.stream.frames).split(b"\n\n")
        return [json.loads(frame.partition(b"data: ")[2])["name"] for frame in frames if frame]

    @property
    def written(self) -> list[str]:
        return [row.body["name"] for row in self.log.log]


@pytest.fixture
async def desk() -> Desk:
    log, hub = MemoryLog(agent()), Hub()
    claim = await log.claim("sesn_test")
    assert claim is not None
    state = fold(claim.agent, claim.thread_id, [])
    return Desk(log, Journal(log, hub, claim, state), state, hub.subscribe("sesn_test", None, frozenset()))


def drafts(*names: str) -> list[Draft]:
    return [Draft("agent.message", {"name": name}) for name in names]


def idle(name: str = "idle") -> list[Draft]:
    return [Draft("session.status_idle", {"name": name, "stop_reason": {"type": "end_turn"}}, session=True)]


async def test_writing_commits_by_itself_in_order_and_shows_after_the_commit(desk: Desk) -> None:
    for name in "abc":
        desk.journal.write(drafts(name))
    assert (desk.written, desk.shown, desk.state.head) == ([], [], 3), "folded at once, shown only when committed"
    await desk.journal.flush()
    assert desk.written == desk.shown == list("abc")
    desk.journal.write(drafts("d"))
    await desk.journal.flush()
    assert desk.written == desk.shown == list("abcd")


async def test_what_is_held_goes_with_the_next(desk: Desk) -> None:
    desk.journal.write(drafts("a"), hold=True)
    await asyncio.sleep(0.01)
    assert desk.written == []
    desk.journal.write(drafts("b"))
    await desk.journal.flush()
    assert desk.written == ["a", "b"]
    assert desk.log.appends == 1


async def test_a_flush_takes_what_is_held(desk: Desk) -> None:
    desk.journal.write(drafts("a"), hold=True)
    await desk.journal.flush()
    assert desk.written == desk.shown == ["a"]


async def test_closing_takes_what_is_held_into_the_same_commit(desk: Desk) -> None:
    desk.journal.write([Draft("session.status_running", {"name": "run"}, session=True)])
    await desk.journal.flush()
    desk.journal.write(drafts("a"), hold=True)
    assert await desk.journal.close(idle())
    assert desk.log.appends == 2
    assert desk.written == desk.shown == ["run", "a", "idle"]
    assert desk.state.status == desk.log.status == "idle"


async def test_a_close_that_is_refused_writes_the_rest_and_changes_no_state(desk: Desk) -> None:
    desk.journal.write([Draft("session.status_running", {"name": "run"}, session=True)])
    desk.journal.write(drafts("a"), hold=True)
    desk.log.put("user.message", content=[])
    assert not await desk.journal.close(idle())
    assert desk.written == desk.shown == ["run", "a"]
    assert desk.state.status == desk.log.status == "running"
    assert (desk.state.head, fold(agent(), desk.log.thread_id, desk.log.log).head) == (2, 2)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_after_a_failed_commit_nothing_more_is_written(desk: Desk, when: str) -> None:
    """The rows of the failed commit are not in memory any more: what follows would leave a hole."""
    desk.log.crash = (1, when)  # pyright: ignore[reportAttributeAccessIssue]
    desk.journal.write(drafts("a"))
    with pytest.raises(Crash):
        await desk.journal.flush()
    committed = desk.written
    with pytest.raises(Crash):
        desk.journal.write(drafts("b"))
    with pytest.raises(Crash):
        await desk.journal.flush()
    with pytest.raises(Crash):
        await desk.journal.close(idle())
    assert desk.written == committed
    assert desk.shown == [], "what was not acknowledged is not shown"


async def test_a_commit_that_failed_unnoticed_stops_the_next_write(desk: Desk) -> None:
    desk.log.crash = (1, "before")
    desk.journal.write(drafts("a"))
    await asyncio.sleep(0.01)
    with pytest.raises(Crash):
        desk.journal.write(drafts("b"))
    assert desk.written == []


async def test_a_stale_owner_is_told(desk: Desk) -> None:
    await desk.log.claim("sesn_test")
    desk.journal.write(drafts("a"))
    with pytest.raises(LostOwnership):
        await desk.journal.flush()
    assert (desk.written, desk.shown) == ([], [])


async def test_a_caller_that_is_cut_while_it_flushes_loses_nothing(desk: Desk) -> None:
    desk.journal.write(drafts("a"))
    flushing = asyncio.create_task(desk.journal.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    await desk.journal.flush()
    assert desk.written == desk.shown == ["a"]


async def test_times_increase_and_a_receipt_keeps_its_own(desk: Desk) -> None:
    early = Draft("user.custom_tool_result", {"name": "early", "custom_tool_use_id": "x"}, processed_at=1_000)
    desk.journal.write([*drafts("a", "b"), early, *drafts("c")])
    await desk.journal.flush()
    stamps = {row.body["name"]: row.processed_at for row in desk.log.log}
    assert stamps["a"] < stamps["b"] < stamps["c"]
    assert stamps["early"] == 1_000
