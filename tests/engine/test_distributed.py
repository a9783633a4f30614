"""Several engines on one database: wakes find who works, and where."""

import asyncio

from journeyman.engine.port import Whereabouts

from .office import Job, distributed, nothing, opened, until


async def test_one_that_only_answers_has_another_run(engine_database: str) -> None:
    async with opened(engine_database) as database:
        answers = distributed(nothing, database, works=False)
        works = distributed(nothing, database)
        for office in (answers, works):
            await office.engine.start()
        for number in range(20):
            answers.engine.wake(f"s{number}")
        await until(lambda: sum(works.runs.values()) == 20)
        assert not answers.made
        for office in (answers, works):
            await office.engine.stop()


async def test_a_wake_goes_to_the_host_of_the_sandbox(engine_database: str) -> None:
    async with opened(engine_database) as database:
        offices = {host: distributed(nothing, database, host=host) for host in ("host_a", "host_b")}
        for office in offices.values():
            await office.engine.start()
        for number in range(10):
            offices["host_a"].engine.wake(f"b{number}", Whereabouts(None, "host_b"))
            offices["host_a"].engine.wake(f"a{number}", Whereabouts(None, "host_a"))
        await until(lambda: sum(sum(office.runs.values()) for office in offices.values()) == 20)
        assert {name[0] for name in offices["host_a"].runs} == {"a"}
        assert {name[0] for name in offices["host_b"].runs} == {"b"}
        for office in offices.values():
            await office.engine.stop()


async def test_mail_goes_to_the_owner(engine_database: str) -> None:
    told: list[tuple[str, str]] = []
    async with opened(engine_database) as database:
        office = distributed(nothing, database, mail=lambda owner, session: told.append((owner, session)))
        await office.engine.start()
        office.engine.wake("s", Whereabouts("ownr_other", "host_one"))
        assert told == [("ownr_other", "s")] and not office.made
        await office.engine.stop()


async def test_a_lease_is_fresh_while_the_database_answers(engine_database: str) -> None:
    async def wait(_job: Job) -> int | None:
        await asyncio.Event().wait()
        return None

    async with opened(engine_database) as database:
        office = distributed(wait, database)
        assert not office.member.fresh
        await office.engine.start()
        assert office.member.fresh
        await office.engine.stop()
