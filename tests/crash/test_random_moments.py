"""kill -9 at any moment: whatever was accepted is done, once."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from .fleet import Fleet, fresh_database
from .house import House, count

SCRIPTS = (
    "SCRIPT: {gap=0.03} text a b c d e f g h i j",
    "SCRIPT: bash*3 echo x >> count; wc -l < count | text done",
    'SCRIPT: tool write {"file_path": "a", "content": "1"} | bash echo x >> count; cat a | text done',
    "SCRIPT: {status=529} bash echo x >> count | {gap=0.05} text a b c d",
    "SCRIPT: bash echo x >> count && bash echo x >> count && tool mine {} | text done",
)


def _script(session: str, number: int) -> str:
    """One message, told apart from every other."""
    return f"{SCRIPTS[number % len(SCRIPTS)]} #id={session}.{number}"


class Client:
    """Sends at random until the server is gone, and remembers what was accepted."""

    def __init__(self, house: House, rng: random.Random) -> None:
        self.house = house
        self.rng = rng
        self.accepted: dict[str, list[str]] = {}

    def send(self, session: str) -> None:
        sent = self.accepted.setdefault(session, [])
        try:
            sent.append(self.house.say(session, _script(session, self.rng.randrange(100))))
            if self.rng.random() < 0.2:
                self.house.send(session, {"type": "user.interrupt"})
        except anthropic.APIConnectionError:
            return

    def answer(self, session: str) -> None:
        """Give every custom call its result."""
        while True:
            events = self.house.until_rest(session) if not self._held(session) else self.house.events(session)
            done = {event.get("custom_tool_use_id") for event in events}
            open_ = [event["id"] for event in events if event["type"] == "agent.custom_tool_use"]
            open_ = [call for call in open_ if call not in done]
            if not open_:
                return
            for call in open_:
                result = {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": []}
                self.house.send(session, result)

    def _held(self, session: str) -> bool:
        """It waits for a result that nobody has given yet, and messages wait behind it."""
        events = self.house.events(session)
        idle = [event for event in events if event["type"] == "session.status_idle"]
        queued = [event for event in events if event["processed_at"] is None]
        asked = set(idle[-1]["stop_reason"].get("event_ids", [])) if idle else set[str]()
        asked -= {event.get("custom_tool_use_id") for event in events}
        return bool(asked) and bool(queued) and self.house.status(session) == "idle"


@pytest.fixture(params=["one server", "fleet"])
def house(request: pytest.FixtureRequest, tmp_path: Path, rounds: int) -> Iterator[House]:
    if request.param == "one server":
        house = House(tmp_path)
    elif rounds < 10:
        pytest.skip("two servers and two workers, killed together again and again: minutes, with --soak")
    else:
        house = Fleet(tmp_path, fresh_database(request.getfixturevalue("postgres_url"), "moments"))
    yield house
    house.close()


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random(house: House, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    client = Client(house, rng)
    with house.open():
        house.prepare()
        sessions = [house.session() for _ in range(4)]
    for _ in range(rounds):
        with house.open():
            for session in sessions:
                house.listen(session)
            end = time.monotonic() + rng.uniform(0.05, 2.0)
            while time.monotonic() < end:
                client.send(rng.choice(sessions))
                time.sleep(rng.uniform(0, 0.3))
            house.kill()
    with house.open():
        for session in sessions:
            client.answer(session)
            _check(house, client, session)


def _check(house: House, client: Client, session: str) -> None:
    events = house.until_rest(session)
    messages = [event["id"] for event in events if event["type"] == "user.message"]
    accepted = client.accepted.get(session, [])
    assert set(accepted) <= set(messages), "what was accepted is there"
    assert len(messages) == len(set(messages))
    assert [each for each in messages if each in set(accepted)] == accepted, "in the order of sending"
    assert set(house.heard.get(session, [])) <= {event["id"] for event in events}
    _check_effects(house, session, events)


def _check_effects(house: House, session: str, events: list[dict[str, object]]) -> None:
    """Each call that has a result of its own had its effect once; one that was abandoned at most once."""
    calls = [event["id"] for event in events if event["type"] == "agent.tool_use" and "count" in str(event["input"])]
    failed = {event["tool_use_id"] for event in events if event["type"] == "agent.tool_result" and event["is_error"]}
    if not calls:
        return
    turns = count(events, "session.status_idle")
    house.say(session, "SCRIPT: bash wc -l < count")
    after = house.until(session, lambda found: count(found, "session.status_idle") > turns)
    result = [event for event in after if event["type"] == "agent.tool_result"][-1]
    lines = int(result["content"][0]["text"]) if not result["is_error"] else 0
    certain = [call for call in calls if call not in failed]
    assert len(certain) <= lines <= len(calls)
