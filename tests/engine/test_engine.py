"""What every engine does: who is woken, when, and who is not harmed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from journeyman.engine.port import Superseded
from journeyman.wire.times import now_us

from .office import Behave, Job, Office, distributed, embedded, nothing, opened, until

Employ = Callable[[Behave], Awaitable[Office]]


@pytest.fixture(params=["embedded", "distributed"])
async def employ(request: pytest.FixtureRequest) -> AsyncIterator[Employ]:
    """Gives an engine that is started; it stops in the test."""

    async def embed(behave: Behave) -> Office:
        office = embedded(behave)
        await office.engine.start()
        return office

    if request.param == "embedded":
        yield embed
        return
    async with opened(request.getfixturevalue("engine_database")) as database:

        async def distribute(behave: Behave) -> Office:
            office = distributed(behave, database)
            await office.engine.start()
            return office

        yield distribute


async def test_wakes_collapse_and_the_worker_is_kept(employ: Employ) -> None:
    office = await employ(nothing)
    for _ in range(50):
        office.engine.wake("s")
    await until(lambda: office.runs["s"] >= 1 and not office.busy["s"])
    await asyncio.sleep(0.01)
    assert office.runs["s"] <= 2
    office.engine.wake("s")
    await until(lambda: office.runs["s"] >= 2)
    assert office.made["s"] == 1
    await office.engine.stop()


async def test_a_wake_reaches_a_running_worker(employ: Employ) -> None:
    notified = asyncio.Event()

    async def wait(job: Job) -> int | None:
        await until(lambda: job.notified > 0)
        notified.set()
        return None

    office = await employ(wait)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 1)
    office.engine.wake("s")
    await asyncio.wait_for(notified.wait(), 5)
    await office.engine.stop()


async def test_no_wake_is_lost_whenever_it_comes(employ: Employ) -> None:
    """Mail is put down and its session woken at every moment of a run, the last ones too: all of it is read."""
    mail: list[int] = []
    read: list[int] = []

    async def look(_job: Job) -> int | None:
        for _ in range(3):
            read.extend(mail)
            mail.clear()
            await asyncio.sleep(0)
        return None

    office = await employ(look)
    for number in range(300):
        mail.append(number)
        office.engine.wake("s")
        for _ in range(number % 9):
            await asyncio.sleep(0)
    await until(lambda: len(read) == 300)
    assert read == list(range(300))
    assert office.made["s"] == 1
    await office.engine.stop()


async def test_a_wake_in_the_final_moment_of_a_run_runs_again(employ: Employ) -> None:
    async def wake_myself_once(job: Job) -> int | None:
        if job.office.runs["s"] == 1:
            job.office.engine.wake("s")
        return None

    office = await employ(wake_myself_once)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 2)
    await office.engine.stop()


async def test_a_timer_wakes(employ: Employ) -> None:
    started = now_us()

    async def later(job: Job) -> int | None:
        return started + 50_000 if job.office.runs["s"] == 1 else None

    office = await employ(later)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 2)
    assert now_us() >= started + 50_000
    await office.engine.stop()


async def test_a_wake_before_the_timer_does_not_wake_twice(employ: Employ) -> None:
    async def later(job: Job) -> int | None:
        return now_us() + 30_000 if job.office.runs["s"] == 1 else None

    office = await employ(later)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 1 and not office.busy["s"])
    await asyncio.sleep(0)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 2)
    await asyncio.sleep(0.06)
    assert office.runs["s"] == 2
    await office.engine.stop()


async def test_a_session_that_is_gone_needs_no_worker(employ: Employ) -> None:
    office = await employ(nothing)
    office.gone.add("s")
    office.engine.wake("s")
    await until(lambda: office.made["s"] == 1)
    office.engine.wake("s")
    await until(lambda: office.made["s"] == 2)
    assert office.runs["s"] == 0
    await office.engine.stop()


async def test_a_released_session_is_forgotten(employ: Employ) -> None:
    async def later(_job: Job) -> int | None:
        return now_us() + 20_000

    office = await employ(later)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 1 and not office.busy["s"])
    await asyncio.sleep(0)
    office.engine.release("s")
    await asyncio.sleep(0.05)
    assert office.runs["s"] == 1
    await office.engine.stop()


async def test_a_poisoned_session_harms_only_itself_and_is_taken_up_anew(
    employ: Employ, caplog: pytest.LogCaptureFixture
) -> None:
    async def poisoned_once(job: Job) -> int | None:
        if job.session_id == "bad" and job.office.made["bad"] == 1:
            raise RuntimeError("poison")
        return None

    office = await employ(poisoned_once)
    with caplog.at_level(logging.CRITICAL):
        office.engine.wake("bad")
        office.engine.wake("good")
        await until(lambda: office.runs["good"] == 1 and office.runs["bad"] == 1)
        await until(lambda: office.runs["bad"] == 2)
    assert office.made["bad"] == 2, "from its log: the worker that failed is not used again"
    await office.engine.stop()


async def test_one_that_was_superseded_is_not_taken_up_by_itself(employ: Employ) -> None:
    async def superseded(_job: Job) -> int | None:
        raise Superseded

    office = await employ(superseded)
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 1)
    await asyncio.sleep(0.02)
    assert office.runs["s"] == 1
    office.engine.wake("s")
    await until(lambda: office.runs["s"] == 2)
    assert office.made["s"] == 2
    await office.engine.stop()


async def test_a_slow_session_holds_up_no_other(employ: Employ) -> None:
    hold = asyncio.Event()

    async def slow(job: Job) -> int | None:
        if job.session_id == "slow":
            await hold.wait()
        return None

    office = await employ(slow)
    office.engine.wake("slow")
    for number in range(500):
        office.engine.wake(f"s{number}")
    await until(lambda: sum(office.runs[f"s{number}"] for number in range(500)) == 500)
    assert office.busy["slow"] == 1
    hold.set()
    await office.engine.stop()


async def test_few_of_many_workers_at_rest_are_kept(employ: Employ) -> None:
    office = await employ(nothing)
    for number in range(1_000):
        office.engine.wake(f"s{number}")
    await until(lambda: sum(office.runs.values()) == 1_000)
    for number in range(1_000):
        office.engine.wake(f"s{number}")
    await until(lambda: sum(office.runs.values()) == 2_000)
    assert sum(office.made.values()) > 1_000, "those that rested longest were let go"
    assert office.made["s999"] == 1
    await office.engine.stop()


async def test_a_stop_cuts_what_runs_and_wakes_nobody(employ: Employ) -> None:
    cut: list[str] = []

    async def endless(job: Job) -> int | None:
        if job.session_id == "timed":
            return now_us() + 10_000
        try:
            await asyncio.Event().wait()
        finally:
            cut.append(job.session_id)
        return None

    office = await employ(endless)
    for name in ("a", "b", "timed"):
        office.engine.wake(name)
    await until(lambda: sum(office.runs.values()) == 3)
    await asyncio.sleep(0)
    office.engine.wake("a")
    await asyncio.wait_for(office.engine.stop(), 5)
    assert sorted(cut) == ["a", "b"]
    office.engine.wake("c")
    await asyncio.sleep(0.03)
    assert sum(office.runs.values()) == 3
    assert office.made["c"] == 0
