"""The log: owners and fences, appends, the inbox, and what is unfinished."""

import asyncio
from dataclasses import replace

import pytest

from journeyman.store.port import Batch, Claim, InboxItem, LostOwnership, Patch
from journeyman.store.rendering import load
from journeyman.wire.errors import ApiError

from .world import IDLE, RUNNING, Rows, World, message


async def test_a_claim_supersedes_the_one_before(world: World) -> None:
    session_id, first = await world.owned()
    second = await world.log.claim(session_id)
    assert second is not None
    assert second.fence == first.fence + 1
    with pytest.raises(LostOwnership):
        await world.log.append(session_id, first.fence, Batch(Rows(first).batch().rows, RUNNING, seen=7))
    assert await world.log.rows(session_id) == []
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["head"], row["status"], row["seen_seq"]) == (0, "idle", 0), "a stale append changes nothing"
    await world.log.append(session_id, second.fence, Rows(second).batch())
    assert len(await world.log.rows(session_id)) == 1


async def test_of_concurrent_claims_one_fence_each_and_only_the_last_writes(world: World) -> None:
    session = await world.session()
    claims = [claim for claim in await asyncio.gather(*(world.log.claim(session["id"]) for _ in range(9))) if claim]
    assert sorted(claim.fence for claim in claims) == list(range(1, 10))

    async def attempt(claim: Claim) -> bool:
        try:
            await world.log.append(session["id"], claim.fence, Rows(claim).batch())
        except LostOwnership:
            return False
        return True

    wrote = await asyncio.gather(*map(attempt, claims))
    assert [claim.fence for claim, done in zip(claims, wrote, strict=True) if done] == [9]


async def test_a_claim_tells_where_the_log_stands(world: World) -> None:
    session_id, claim = await world.owned()
    batch = Rows(claim).batch("agent.message", "agent.message", seen=0)
    await world.log.append(session_id, claim.fence, batch)
    again = await world.log.claim(session_id)
    assert again is not None
    assert (again.head, again.last_at) == (2, max(row.processed_at for row in batch.rows))
    assert (again.thread_id, again.agent["name"], again.environment["config"]["type"]) == (
        claim.thread_id, "worker", "cloud",
    )  # fmt: skip


async def test_rows_come_back_as_they_went_in(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    first = rows.row("agent.message", content=[{"type": "text", "text": "ünï\u0000 \U0001f600 '\"\\"}])
    second = replace(rows.row("span.model_request_end", shown=False), private={"a": [1, None]})
    await world.log.append(session_id, claim.fence, Batch([first, second]))
    assert await world.log.rows(session_id) == [first, second]
    assert await world.log.rows(session_id, after=1) == [second]
    assert await world.log.rows(session_id, after=2) == []


async def test_a_place_in_the_log_is_taken_once(world: World) -> None:
    session_id, claim = await world.owned()
    await world.log.append(session_id, claim.fence, Rows(claim).batch())
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await world.log.append(session_id, claim.fence, Rows(claim).batch())
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["head"], len(await world.log.rows(session_id))) == (1, 1)


async def test_an_event_id_is_in_the_log_once(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    await world.log.append(session_id, claim.fence, Batch([rows.row(id="sevt_one")]))
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await world.log.append(session_id, claim.fence, Batch([rows.row(id="sevt_one")]))


async def test_the_inbox_keeps_its_order_and_gives_up_only_what_is_taken(world: World) -> None:
    session_id, claim = await world.owned()
    for text in "abcd":
        await world.send(session_id, message(text))
    items, end = await world.log.inbox(session_id)
    assert ([_text(item) for item in items], end) == (list("abcd"), 4)
    rows = Rows(claim)
    await world.log.append(session_id, claim.fence, Batch([rows.row()], taken=[items[1].seq], seen=1))
    assert [_text(item) for item in (await world.log.inbox(session_id))[0]] == list("acd")
    await world.log.append(session_id, claim.fence, Batch([], taken=[items[0].seq, items[2].seq, items[3].seq], seen=4))
    await world.send(session_id, message("e"))
    items, end = await world.log.inbox(session_id)
    assert ([(_text(item), item.seq) for item in items], end) == ([("e", 5)], 5)


async def test_the_patch_goes_in_with_the_rows(world: World) -> None:
    session_id, claim = await world.owned()
    rows = Rows(claim)
    running = Batch([rows.row("session.status_running")], Patch("running", running_since=5))
    await world.log.append(session_id, claim.fence, running)
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["status"], row["running_since"], row["due_at"]) == ("running", 5, None)
    later = Batch([rows.row()], Patch("rescheduling", active_us=9, due_at=77))
    await world.log.append(session_id, claim.fence, later)
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["status"], row["running_since"], row["due_at"], row["active_us"]) == ("rescheduling", None, 77, 9)
    await world.log.append(session_id, claim.fence, Batch([rows.row()]))
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["status"], row["due_at"], row["active_us"]) == ("rescheduling", 77, 9), "no patch: nothing moves"


async def test_closing_rows_go_in_when_nothing_was_sent_since(world: World) -> None:
    session_id, claim = await world.owned()
    await world.send(session_id, message())
    items, end = await world.log.inbox(session_id)
    rows = Rows(claim)
    batch = Batch([rows.row()], RUNNING, [items[0].seq], [rows.row("session.status_idle")], IDLE, end)
    assert await world.log.append(session_id, claim.fence, batch)
    assert [row.type for row in await world.log.rows(session_id)] == ["agent.message", "session.status_idle"]
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["status"], row["head"], load(row["usage"])) == ("idle", 2, {"input_tokens": 3})


async def test_closing_rows_stay_out_when_something_was_sent(world: World) -> None:
    session_id, claim = await world.owned()
    _, end = await world.log.inbox(session_id)
    await world.send(session_id, message())
    rows = Rows(claim)
    batch = Batch([rows.row()], RUNNING, [], [rows.row("session.status_idle")], IDLE, end)
    assert not await world.log.append(session_id, claim.fence, batch)
    assert [row.type for row in await world.log.rows(session_id)] == ["agent.message"]
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["status"], row["head"]) == ("running", 1)
    assert len((await world.log.inbox(session_id))[0]) == 1


async def test_a_stale_owner_cannot_close(world: World) -> None:
    session_id, claim = await world.owned()
    await world.log.claim(session_id)
    rows = Rows(claim)
    with pytest.raises(LostOwnership):
        await world.log.append(session_id, claim.fence, Batch([], closing=[rows.row("session.status_idle")]))
    assert await world.log.rows(session_id) == []


async def test_a_message_that_arrives_at_the_moment_of_closing_is_never_lost(world: World) -> None:
    """However a send and a closing append meet: the close fails, or the session is known to have mail."""
    session_id, _ = await world.owned()
    outcomes: set[bool] = set()
    for number in range(80):
        owner = await world.log.claim(session_id)
        assert owner is not None
        rows = Rows(owner)
        _, end = await world.log.inbox(session_id)
        batch = Batch([rows.row()], RUNNING, [], [rows.row("session.status_idle")], IDLE, end)
        closing = world.log.append(session_id, owner.fence, batch)
        sending = world.send(session_id, message(str(number)))
        answers = await asyncio.gather(*([closing, sending] if number % 2 else [sending, closing]))
        closed = answers[0 if number % 2 else 1] is True
        outcomes.add(closed)
        row = await world.sessions.retrieve(world.workspace, session_id)
        assert row["status"] == ("idle" if closed else "running")
        assert (session_id, None) in await world.log.unfinished()
        items, end = await world.log.inbox(session_id)
        assert [_text(item) for item in items] == [str(number)]
        await world.log.append(session_id, owner.fence, Batch([], IDLE, [items[0].seq], seen=end))
    assert outcomes == {True, False}, "both ways of meeting were tried"


async def test_archive_against_append_and_send(world: World) -> None:
    """Whatever comes first: after the archive nothing is written, and what was accepted before it is there."""
    for _ in range(15):
        session_id, claim = await world.owned()
        append = world.log.append(session_id, claim.fence, Rows(claim).batch())
        archive = world.sessions.archive(world.workspace, session_id)
        send = world.send(session_id, message())
        wrote, archived, sent = await asyncio.gather(append, archive, send, return_exceptions=True)
        row = await world.sessions.retrieve(world.workspace, session_id)
        if isinstance(archived, BaseException):
            assert isinstance(archived, ApiError)
            assert sent is None, "only an accepted message holds the archive off"
            assert row["status"] == "idle"
        else:
            assert row["status"] == "terminated"
            with pytest.raises(LostOwnership):
                await world.log.append(session_id, claim.fence, Rows(claim).batch())
        assert len(await world.log.rows(session_id)) == (0 if isinstance(wrote, LostOwnership) else 1)
        assert isinstance(sent, ApiError) == (row["status"] == "terminated" and not await _queued(world, session_id))


async def _queued(world: World, session_id: str) -> bool:
    return bool((await world.log.inbox(session_id))[0])


async def test_delete_against_append_and_send_leaves_nothing_behind(world: World) -> None:
    for _ in range(15):
        session_id, claim = await world.owned()
        append = world.log.append(session_id, claim.fence, Rows(claim).batch())
        delete = world.sessions.delete(world.workspace, session_id)
        send = world.send(session_id, message())
        answers = await asyncio.gather(append, delete, send, return_exceptions=True)
        unexpected = [each for each in answers if isinstance(each, Exception) and not _expected(each)]
        assert unexpected == []
        if answers[1] is None:
            assert await world.log.rows(session_id) == []
            assert await world.log.inbox(session_id) == ([], 0)


def _expected(error: Exception) -> bool:
    return isinstance(error, ApiError | LostOwnership)


async def test_what_is_unfinished(world: World) -> None:
    async def one(patch: Patch | None = None, *, mail: bool = False) -> str:
        session_id, claim = await world.owned()
        if patch is not None:
            await world.log.append(session_id, claim.fence, Batch([], patch))
        if mail:
            await world.send(session_id, message())
        return session_id

    await one()
    await one(IDLE)
    running = await one(RUNNING)
    backing_off = await one(Patch("rescheduling", due_at=2**50))
    interrupted = await one(Patch("rescheduling", due_at=2**50), mail=True)
    mailed = await one(mail=True)
    archived = await one()
    await world.sessions.archive(world.workspace, archived)
    expected = {(running, None), (backing_off, 2**50), (interrupted, None), (mailed, None)}
    assert set(await world.log.unfinished()) == expected


async def test_mail_that_was_seen_but_not_taken_is_unfinished(world: World) -> None:
    """A brain that died between an interrupt and the message behind it."""
    session_id, claim = await world.owned()
    await world.send(session_id, message("interrupt"), message("behind"))
    items, end = await world.log.inbox(session_id)
    rows = Rows(claim)
    await world.log.append(session_id, claim.fence, Batch([rows.row()], IDLE, [items[0].seq], seen=end))
    assert (session_id, None) in await world.log.unfinished()


async def test_the_time_of_the_log_does_not_go_back(world: World) -> None:
    """A custom tool result keeps the time of its receipt, which may be before the row it follows."""
    session_id, claim = await world.owned()
    rows = Rows(claim)
    batch = Batch([rows.row(at=2_000_000_000_000_000), rows.row("user.custom_tool_result", at=1_999_999_999_999_000)])
    await world.log.append(session_id, claim.fence, batch)
    row = await world.sessions.retrieve(world.workspace, session_id)
    assert (row["last_at"], row["updated_at"]) == (2_000_000_000_000_000, 2_000_000_000_000_000)


def _text(item: InboxItem) -> str:
    return item.body["content"][0]["text"]
