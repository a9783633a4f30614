"""kill -9 in the middle of a workflow run: it goes on, and no agent that has finished is called again."""

import random
import time
from typing import Any

from parity.test_delegation import quoted

from .house import House

PLAN = """
def step(number):
    told = agent("helper", "SCRIPT: bash echo " + number + " >> lines | text did " + number + " #id={turn}." + number)
    return told
with phase("side by side"):
    first = parallel(step, ["a", "b", "c"])
with phase("in a row"):
    for number in ["d", "e"]:
        first.append(step(number))
return first
"""


def test_killed_at_random(house: House, rounds: int) -> None:
    rng = random.Random(rounds)
    with house.open():
        house.prepare()
        beta = house.client.beta
        toolset: Any = [{"type": "agent_toolset_20260401"}]
        helper = beta.agents.create(name="helper", model="scripted", tools=toolset)
        workflows: Any = {"type": "enabled", "predefined_agents": [helper.id]}
        multiagent: Any = {"type": "multiagent_20261001", "workflows": workflows}
        lead = beta.agents.create(name="lead", model="scripted", tools=toolset, multiagent=multiagent)
        session = beta.sessions.create(agent=lead.id, environment_id=house.environment).id
    turns = rounds // 2
    for turn in range(turns):
        plan = quoted({"plan": PLAN.replace("{turn}", str(turn))})
        script = f"SCRIPT: tool run_workflow {plan} | tool wait_for_workflows {{}} | text done #id={turn}"
        with house.open():
            house.say(session, script)
            time.sleep(rng.uniform(0.1, 0.7))
            house.kill()
        for _ in range(2):
            with house.open():
                time.sleep(rng.uniform(0.1, 0.7))
                house.kill()
        with house.open():
            events = house.until_rest(session)
    ended = [event for event in events if event["type"] == "workflow_run.status_ended"]
    assert [event["result"] for event in ended] == [{"type": "completed"}] * turns
    created = [event for event in events if event["type"] == "session.thread_created"]
    assert len(created) == 5 * turns, "each call has one agent"
    for kind in ("created", "phase_started", "phase_ended"):
        number = 1 if kind == "created" else 2
        assert sum(event["type"] == f"workflow_run.{kind}" for event in events) == number * turns
    with house.open():
        house.say(session, "SCRIPT: bash sort lines |uniq -c | text read #id=last")
        told = [each for each in house.until_rest(session) if each["type"] == "agent.tool_result"][-1]
    counts = [int(line.split()[0]) for line in told["content"][0]["text"].splitlines()]
    assert len(counts) == 5 and max(counts) <= turns, "no effect twice"
