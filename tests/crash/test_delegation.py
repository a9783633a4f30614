"""kill -9 in the middle of a delegation: every task is done once, and every report comes once."""

import random
import time
from collections import Counter
from typing import Any

from parity.test_delegation import quoted

from .house import House

JsonObject = dict[str, Any]

AGENTS = 3


def task(turn: int, number: int) -> str:
    """Two commands that leave a line each; the second says so."""
    return f"SCRIPT: bash*2 echo {turn}.{number} >> lines | text did {turn}.{number} #id={turn}.{number}"


def script(turn: int) -> str:
    given = [quoted({"agent": "helper", "task": task(turn, number)}) for number in range(AGENTS)]
    spawns = " && ".join(f"tool spawn_agent {each}" for each in given)
    return f"SCRIPT: {spawns} && tool consult_advisor {{}} | tool wait_for_agents {{}} | text all done #id={turn}"


def test_killed_at_random(house: House, rounds: int) -> None:
    rng = random.Random(rounds)
    with house.open():
        house.prepare()
        beta = house.client.beta
        toolset: Any = [{"type": "agent_toolset_20260401"}]
        helper = beta.agents.create(name="helper", model="scripted", tools=toolset)
        roster: Any = {"type": "coordinator", "agents": [helper.id, {"type": "advisor", "model": "scripted"}]}
        lead = beta.agents.create(name="lead", model="scripted", tools=toolset, multiagent=roster)
        session = beta.sessions.create(agent=lead.id, environment_id=house.environment).id
    turns = rounds // 2 + 1
    for turn in range(turns):
        with house.open():
            house.say(session, script(turn))
            time.sleep(rng.uniform(0.05, 0.9))
            house.kill()
        with house.open():
            events = house.until_rest(session)
            assert events[-1]["stop_reason"] == {"type": "end_turn"}
            for thread in house.client.beta.sessions.threads.list(session):  # their places are needed again
                assert thread.status in ("idle", "terminated")
                if thread.parent_thread_id is not None and thread.status == "idle":
                    house.client.beta.sessions.threads.archive(thread.id, session_id=session)
    with house.open():
        house.say(session, "SCRIPT: bash sort lines |uniq -c | text read #id=last")
        events = house.until_rest(session)
        cut = cut_calls(house, session)
    check(events, turns, cut)


def reports_of(turns: int) -> list[str]:
    return [f"{turn}.{number}" for turn in range(turns) for number in range(AGENTS)]


def cut_calls(house: House, session: str) -> Counter[str]:
    """By task, how many of its calls say that they were cut."""
    found: Counter[str] = Counter()
    threads = house.client.beta.sessions.threads
    for thread in threads.list(session):
        if thread.parent_thread_id is None:
            continue
        events = [each.to_dict(mode="json") for each in threads.events.list(thread.id, session_id=session)]
        uses = {each["id"]: each["input"]["command"].split()[1] for each in events if each["type"] == "agent.tool_use"}
        for result in (each for each in events if each["type"] == "agent.tool_result"):
            if result["is_error"]:
                print(result)
                found[uses[result["tool_use_id"]]] += 1
    return found


def check(events: list[JsonObject], turns: int, cut: Counter[str]) -> None:
    created = Counter(each["agent_name"] for each in events if each["type"] == "session.thread_created")
    assert created == {"helper": AGENTS * turns, "anthropic.advisor": turns}
    told = [each["content"][0]["text"] for each in events if each["type"] == "agent.thread_message_received"]
    reports = Counter(text for text in told if text.startswith("did "))
    assert reports == {f"did {turn}.{number}": 1 for turn in range(turns) for number in range(AGENTS)}
    (listing,) = [each for each in events if each["type"] == "agent.tool_result"][-1]["content"]
    counts = {name: int(count) for count, name in map(str.split, listing["text"].splitlines())}
    # A call that was cut by a death says so, and may have had its effect or not.
    least = Counter({f"{turn}.{number}": 2 for turn in range(turns) for number in range(AGENTS)}) - cut
    assert all(least[name] <= counts.get(name, 0) <= 2 for name in reports_of(turns)), (counts, cut)
