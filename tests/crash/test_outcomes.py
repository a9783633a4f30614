"""kill -9 in the middle of an evaluation: it goes on, on the same span, and iterations are counted once."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .fleet import Fleet, fresh_database
from .house import House, JsonObject, count

START, ONGOING, END = (f"span.outcome_evaluation_{which}" for which in ("start", "ongoing", "end"))
VERDICT = 'tool give_verdict {"result":"%s","explanation":"%s"}'
NO, YES = VERDICT % ("needs_revision", "not yet"), VERDICT % ("satisfied", "now")


@pytest.fixture(params=["sqlite", "postgres", "fleet"])
def house(request: pytest.FixtureRequest, tmp_path: Path, rounds: int) -> Iterator[House]:
    """One server on either database, or two servers and two workers that all die at once."""
    if request.param == "sqlite":
        house = House(tmp_path)
    elif request.param == "fleet" and rounds < 10 and "thinks" not in request.node.name:
        pytest.skip("with --soak")
    else:
        url = fresh_database(request.getfixturevalue("postgres_url"), "outcomes")
        house = Fleet(tmp_path, url) if request.param == "fleet" else House(tmp_path, url)
    house.sections["outcomes"] = {"evaluation_heartbeat": 0.1}
    yield house
    house.close()


def outcome(work: str, grading: str, **fields: Any) -> JsonObject:
    rubric = {"type": "text", "content": f"Right. SCRIPT: {grading}"}
    return {"type": "user.define_outcome", "description": f"Make it. SCRIPT: {work}", "rubric": rubric, **fields}


def ends(events: list[JsonObject]) -> list[tuple[str, int]]:
    return [(each["result"], each["iteration"]) for each in events if each["type"] == END]


def evaluations(house: House, session: str) -> list[tuple[str, int]]:
    found = house.client.beta.sessions.retrieve(session).outcome_evaluations or []
    return [(each.result, each.iteration) for each in found]


def test_killed_while_the_grader_thinks(house: House) -> None:
    """Its first request, and its second one after a look that is not repeated."""
    with house.open():
        house.prepare()
        thinking, looking = house.session(), house.session()
        look = 'tool read {"file_path":"work"}'
        house.send(looking, outcome("bash echo x > work | text one", f"{look} | {{ttft=5}} {YES}"))
        house.until_type(looking, ONGOING, times=2)
        house.send(thinking, outcome("text one | text two", f"{{ttft=5}} {NO} | {YES}"))
        before = house.until_type(thinking, ONGOING)
        assert count(before, END) == 0
        assert evaluations(house, thinking) == [("evaluating", 0)]
        house.kill()
    with house.open():
        events = house.until_rest(thinking)
        assert ends(events) == [("needs_revision", 0), ("satisfied", 1)]
        assert [each["iteration"] for each in events if each["type"] == START] == [0, 1]
        assert evaluations(house, thinking) == [("satisfied", 1)]
        [first, *_] = [each["id"] for each in before if each["type"] == START]
        assert next(each for each in events if each["type"] == END)["outcome_evaluation_start_id"] == first
        assert ends(house.until_rest(looking)) == [("satisfied", 0)]


def test_interrupted_after_a_death(house: House) -> None:
    """An evaluation that nobody is doing can be ended."""
    with house.open():
        house.prepare()
        session = house.session()
        house.send(session, outcome("text one", "{ttft=30} " + YES))
        house.until_type(session, START)
        house.kill()
    with house.open():
        house.send(session, {"type": "user.interrupt"})
        assert ends(house.until_rest(session)) == [("interrupted", 0)]
        assert evaluations(house, session) == [("interrupted", 0)]


def test_killed_at_random(house: House, rounds: int) -> None:
    """Whenever it is: three iterations, each with one beginning and one end, and then the closing turn."""
    rng = random.Random(rounds)
    sessions: list[str] = []
    for turn in range(rounds):
        with house.open():
            if not turn:
                house.prepare()
            sessions.append(house.session())
            slow = "{ttft=0.2} "
            work = " | ".join(f"bash echo {number} >> work | {slow}text {number}" for number in range(3))
            house.send(sessions[-1], outcome(f"{work} | text sorry", " | ".join([slow + NO] * 3), max_iterations=3))
            time.sleep(rng.uniform(0.05, 2.5))
            house.kill()
    with house.open():
        for session in sessions:
            events = house.until_rest(session)
            assert ends(events) == [("needs_revision", 0), ("needs_revision", 1), ("max_iterations_reached", 2)]
            assert [each["iteration"] for each in events if each["type"] == START] == [0, 1, 2]
            assert evaluations(house, session) == [("max_iterations_reached", 2)]
