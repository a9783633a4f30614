"""Slots: how many at once, and who is next."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from journeyman.runtime.slots import Slots

Order = list[str]


async def _settle() -> None:
    """Until everything that can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _queue_up(slots: Slots, *who: tuple[str, str, bool]) -> tuple[Order, Callable[[], Awaitable[None]]]:
    """Have the waiters wait in this order behind one that holds every slot; the order they are served in, and a way to
    let all of them have their turn."""
    order: Order = []

    async def one(workspace: str, session: str, begins: bool) -> None:
        async with slots.taken(workspace, session, begins=begins):
            order.append(session)
            await _settle()

    hold = asyncio.Event()

    async def holder() -> None:
        async with slots.taken("other", "holder"):
            await hold.wait()

    first = asyncio.create_task(holder())
    await _settle()
    tasks = [asyncio.create_task(one(*each)) for each in who]
    await _settle()
    assert order == []

    async def release() -> None:
        hold.set()
        await asyncio.gather(first, *tasks)

    return order, release


def test_sessions_take_turns() -> None:
    async def story() -> Order:
        order, release = await _queue_up(Slots(1), *[("w", who, False) for who in "aaabbc"])
        await release()
        return order

    assert asyncio.run(story()) == list("abcaba")


def test_beginnings_and_long_turns_take_turns() -> None:
    async def story() -> Order:
        who = [("w", f"long{n}", False) for n in range(4)] + [("w", f"new{n}", True) for n in range(2)]
        order, release = await _queue_up(Slots(1), *who)
        await release()
        return order

    assert asyncio.run(story()) == ["new0", "long0", "new1", "long1", "long2", "long3"]


def test_long_turns_leave_slots_to_beginnings() -> None:
    async def story() -> None:
        slots = Slots(32)
        async with AsyncExitStack() as stack:
            for number in range(30):
                await stack.enter_async_context(slots.taken("w", f"long{number}"))
            waiting = asyncio.create_task(_once(slots))
            await _settle()
            assert slots.waiting == 1
            await asyncio.wait_for(_begin(slots), 1)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(story())


async def _begin(slots: Slots) -> None:
    async with slots.taken("w", "new", begins=True):
        pass


def test_workspaces_take_turns() -> None:
    async def story() -> Order:
        who = [("big", f"big{n}", False) for n in range(4)] + [("small", "small", False)]
        order, release = await _queue_up(Slots(1), *who)
        await release()
        return order

    assert asyncio.run(story()) == ["big0", "small", "big1", "big2", "big3"]


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    async def story() -> None:
        slots = Slots(1)
        async with slots.taken("w", "a"):
            waiting = asyncio.create_task(_once(slots))
            await _settle()
            assert slots.waiting == 1
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert slots.waiting == 0
            await asyncio.wait_for(slots.free(), 1)
        assert slots.used == 0

    asyncio.run(story())


def test_a_slot_given_to_one_that_is_cut_at_that_moment_goes_on() -> None:
    async def story() -> None:
        slots = Slots(1)
        async with slots.taken("w", "a"):
            cut, next_one = asyncio.create_task(_once(slots)), asyncio.create_task(_once(slots))
            await _settle()
        cut.cancel()
        await asyncio.wait_for(next_one, 1)
        assert slots.used == 0

    asyncio.run(story())


async def _once(slots: Slots) -> None:
    async with slots.taken("w", "b"):
        pass


@given(
    most=st.integers(0, 3),
    of_workspace=st.integers(0, 2),
    work=st.lists(st.tuples(st.sampled_from("vw"), st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=25),
)
def test_never_more_than_most_and_nobody_waits_for_ever(
    most: int, of_workspace: int, work: list[tuple[str, str, bool, bool]]
) -> None:
    """Whoever comes, in whatever order, and whoever of them is cut."""
    slots = Slots(most, of_workspace)
    inside = {"v": 0, "w": 0}

    async def one(workspace: str, session: str, begins: bool) -> None:
        async with slots.taken(workspace, session, begins=begins):
            inside[workspace] += 1
            assert not most or sum(inside.values()) <= most
            assert not of_workspace or inside[workspace] <= of_workspace
            try:
                await asyncio.sleep(0)
            finally:
                inside[workspace] -= 1

    async def story() -> None:
        tasks = [asyncio.create_task(one(*each[:3])) for each in work]
        await asyncio.sleep(0)
        for task, (*_, cut) in zip(tasks, work, strict=True):
            if cut:
                task.cancel()
        async with asyncio.timeout(5):
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                assert found is None or isinstance(found, asyncio.CancelledError)
        assert (slots.used, slots.waiting) == (0, 0)

    asyncio.run(story())
