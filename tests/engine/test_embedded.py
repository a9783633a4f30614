"""The embedded engine's start: it is the only one, and knows what is unfinished from the log."""

from journeyman.wire.times import now_us

from .office import embedded, nothing, until


async def test_a_start_takes_up_what_is_unfinished_each_at_its_time() -> None:
    office = embedded(nothing)
    due = now_us() + 60_000
    office.open = [("now", None), ("past", now_us() - 5), ("later", due)]
    await office.engine.start()
    await until(lambda: office.runs["now"] == office.runs["past"] == 1)
    assert office.runs["later"] == 0 or now_us() >= due
    await until(lambda: office.runs["later"] == 1)
    assert now_us() >= due
    await office.engine.stop()
