"""kill -9 at any moment: a dream ends once, and what it wrote is there once."""

import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .fleet import Fleet, fresh_database
from .house import House

CALLS = 6
ENDED = ("completed", "failed", "canceled")
SCRIPT = f"bash*{CALLS} cd /mnt/memory/kept; date +%N >>lines; cat /mnt/transcripts/*/0001.txt; sleep 0.2 | text done"


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """On Postgres, two servers that answer and two workers, which die together."""
    if request.param == "postgres":
        house: House = Fleet(tmp_path, fresh_database(request.getfixturevalue("postgres_url"), "dreams"))
    else:
        house = House(tmp_path)
    yield house
    house.close()


def until(house: House, dream: str, *statuses: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = house.client.beta.dreams.retrieve(dream).to_dict(mode="json")
        if found["status"] in statuses:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within 60 s: {found}")


def stores(house: House) -> list[str]:
    return [store.id for store in house.client.beta.memory_stores.list(limit=100)]


def test_killed_at_random(house: House, rounds: int) -> None:
    """Whatever dies and when: the dream is completed, from one copy of its store, by one session, each line once."""
    rng = random.Random(rounds)
    with house.open():
        house.prepare()
        said = house.session()
        house.say(said, "SCRIPT: text what was said")
        house.until_rest(said)
    for number in range(rounds // 2):
        in_place = number % 2 == 1
        with house.open():
            beta = house.client.beta
            store = beta.memory_stores.create(name="Kept").id
            beta.memory_stores.memories.create(store, path="/lines", content="first\n")
            before = stores(house)
            inputs: Any = [
                {"type": "memory_store", "memory_store_id": store},
                {"type": "sessions", "session_ids": [said]},
            ]
            behaviour: Any = {"type": "update_existing", "memory_store_id": store} if in_place else None
            dream = beta.dreams.create(
                inputs=inputs,
                model="scripted",
                instructions=f"SCRIPT: {SCRIPT} #id={number}",
                output_behavior=behaviour or {"type": "create_new"},
            ).id
            time.sleep(rng.uniform(0, 1.5))
            house.kill()
        with house.open():
            time.sleep(rng.uniform(0, 1.5))
            house.kill()
        with house.open():
            ended = until(house, dream, *ENDED)
            check(house, ended, before, store, in_place=in_place)


def check(house: House, ended: dict[str, Any], before: list[str], store: str, *, in_place: bool) -> None:
    assert (ended["status"], ended["error"]) == ("completed", None)
    beta = house.client.beta
    (output,) = (each["memory_store_id"] for each in ended["outputs"])
    assert sorted(stores(house)) == sorted(before if in_place else [*before, output])
    assert (output == store) == in_place
    session = ended["session_id"]
    titled = [each.id for each in beta.sessions.list(include_archived=True) if each.title == f"Dream {ended['id']}"]
    assert titled == [session]
    assert house.status(session) == "terminated"
    events = house.events(session)
    assert [event["type"] for event in events].count("user.message") == 1
    assert events[-1]["type"] == "session.status_idle"
    told = "".join(str(event["content"]) for event in events if event["type"] == "agent.tool_result")
    assert "what was said" in told
    assert "No such file" not in told
    (memory,) = beta.memory_stores.memories.list(output, view="full")
    lines = str(memory.to_dict()["content"]).split()
    assert lines[0] == "first"
    # A call that was cut by a death says so, and may have written its line or not.
    assert len(lines) == len(set(lines)) <= CALLS + 1
    versions = list(beta.memory_stores.memory_versions.list(output, session_id=session, view="full"))
    contents = [version.content or "" for version in versions][::-1]
    assert all(later.startswith(earlier) and later != earlier for earlier, later in pairwise(contents))
    if not in_place:
        found = beta.memory_stores.memories.list(store, view="full")
        assert [item.to_dict()["content"] for item in found] == ["first\n"]


def test_killed_after_a_cancel(house: House) -> None:
    """Canceled is canceled: after the death its session is cut, archived, and nothing begins it again."""
    with house.open():
        house.prepare()
        beta = house.client.beta
        store = beta.memory_stores.create(name="Kept").id
        inputs: Any = [
            {"type": "memory_store", "memory_store_id": store},
            {"type": "sessions", "session_ids": [house.session()]},
        ]
        dream = beta.dreams.create(inputs=inputs, model="scripted", instructions="SCRIPT: bash sleep 300 | text x").id
        session = until(house, dream, "running")["session_id"]
        house.until_type(session, "agent.tool_use")
        canceled = beta.dreams.cancel(dream).to_dict(mode="json")
        house.kill()
    with house.open():
        end = time.monotonic() + 60
        while house.status(session) != "terminated":
            assert time.monotonic() < end
            time.sleep(0.05)
        found = house.client.beta.dreams.retrieve(dream).to_dict(mode="json")
        assert (found["status"], found["ended_at"]) == ("canceled", canceled["ended_at"])
        kinds = [event["type"] for event in house.events(session)]
        assert (kinds.count("user.interrupt"), kinds.count("agent.message")) == (1, 0)
