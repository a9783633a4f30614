"""Several threads under one brain: a death before or after any commit changes nothing about what comes out."""

from collections import Counter
from typing import Any

import pytest

from journeyman.engine.port import Superseded
from journeyman.models.port import ModelRequest
from journeyman.models.scripted import Call, Say, Script
from journeyman.runtime.brain import Brain
from journeyman.runtime.folding import fold
from journeyman.runtime.hub import Hub

from .memory_log import Crash, MemoryLog
from .surroundings import Box, Mind, agent, parts

JsonObject = dict[str, Any]

PLAN = """
with phase("both"):
    said = parallel(lambda name: agent("helper", "work on " + name), ["a", "b"])
return agent("helper", "work on " + "".join(said))
"""


class Director(Mind):
    """Answers by what the conversation asks for and how far it is, so that a death changes no answer."""

    def __init__(self, lead: list[Script]) -> None:
        super().__init__()
        self.lead = lead

    async def stream(self, request: ModelRequest) -> Any:
        self.scripts.clear()
        self.scripts.append(self._script(request))
        async for event in super().stream(request):
            yield event

    def _script(self, request: ModelRequest) -> Script:
        said = request.messages[0]["content"][0]["text"]
        answered = sum(message["role"] == "assistant" for message in request.messages)
        if said.startswith("<instructions>"):
            return Script([Say(["be brief"])])
        if said.startswith("work on "):
            return [Script([Call("bash", {"command": said})]), Script([Say([said[-1]])])][min(answered, 1)]
        return self.lead[answered] if answered < len(self.lead) else Script([Say(["ok"])])


def lead(**multiagent: Any) -> JsonObject:
    helper = {key: value for key, value in agent(name="helper", id="agent_helper").items() if key != "multiagent"}
    given: JsonObject = {
        "type": "multiagent_20261001",
        "advisor": {"type": "enabled", "model": "test"},
        "subagents": {"type": "enabled", "inline_agents": {"type": "enabled"}, "predefined_agents": [helper]},
        "workflows": {"type": "enabled", "inline_agents": {"type": "enabled"}, "predefined_agents": [helper]},
        **multiagent,
    }
    return agent(multiagent=given, execution_identity={"type": "service_account"})


async def live(log: MemoryLog, mind: Mind, box: Box) -> int:
    """Brains until one has come to rest; how many there were."""
    number = 0
    while True:
        number += 1
        brain = await Brain.wake_up(parts(log, mind, box, Hub()), "sesn_test")
        assert brain is not None
        try:
            await brain.run()
        except (Crash, Superseded):
            continue
        return number


def types(log: MemoryLog) -> Counter[str]:
    return Counter(row.type for row in log.log)


DELEGATION = [
    Script(
        [
            Call("spawn_agent", {"agent": "helper", "task": "work on a"}),
            Call("consult_advisor", {}),
            Call("spawn_agent", {"agent": "helper", "task": "work on b"}),
        ]
    ),
    Script([Call("wait_for_agents", {})]),
    Script([Say(["done"])]),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(1, 16))
async def test_death_at_each_commit_of_a_delegation(commit: int, when: Any) -> None:
    """Each task is done by one agent, once, and reported once."""
    log, mind, box = MemoryLog(lead()), Director(DELEGATION), Box()
    log.put("user.message", content=[{"type": "text", "text": "go"}])
    log.crash = (commit, when)
    assert await live(log, mind, box) <= 2
    assert log.status == "idle"
    assert types(log)["session.thread_created"] == 3
    assert types(log)["agent.thread_message_received"] == 2 + 2 + 1, "tasks, reports and the advice"
    assert len(box.effects) == 2, "no command ran twice"
    state = fold(log.agent, log.thread_id, log.log)
    assert {thread.status for thread in state.threads} == {"idle", "terminated"}
    assert all(thread.rests for thread in state.threads)
    ran = sum(thread.active_us for thread in state.threads)
    assert log.usage == state.used(ran, state.active_us).stored()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(1, 18, 2))
async def test_death_at_each_commit_of_a_workflow_run(commit: int, when: Any) -> None:
    """The run goes on; no call of its plan is made twice, no phase told twice."""
    script = [Script([Call("run_workflow", {"plan": PLAN})]), Script([Call("wait_for_workflows", {})])]
    log, mind, box = MemoryLog(lead()), Director(script), Box()
    log.put("user.message", content=[{"type": "text", "text": "go"}])
    log.crash = (commit, when)
    assert await live(log, mind, box) <= 2
    found = types(log)
    assert (log.status, found["session.thread_created"]) == ("idle", 3)
    told = ("created", "phase_started", "phase_ended", "status_ended")
    assert [found[f"workflow_run.{each}"] for each in told] == [1, 1, 1, 1]
    (end,) = [row for row in log.log if row.type == "workflow_run.status_ended"]
    assert end.body["result"] == {"type": "completed"}
    assert '"b"' in (end.private or {})["told"], "what the last agent answered to `work on ab`"
    assert len(box.effects) == 3


async def test_a_budget_pauses_each_thread_and_is_one_for_all() -> None:
    """Facts 9.8: threads idle `budget_reached`, then usage, then the session; a raised one lets all go on."""
    log, mind, box = MemoryLog(lead()), Director(DELEGATION), Box()
    log.put("user.message", content=[{"type": "text", "text": "go"}])
    budget = {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}
    claim = await log.claim("sesn_test")
    assert claim is not None
    state = fold(claim.agent, claim.thread_id, [], budget)
    state.primary.usage.nano = 10**9
    brain = Brain(parts(log, mind, box, Hub()), claim, state)
    await brain.run()
    assert [row.type for row in log.log][-3:] == [
        "session.thread_status_idle", "session.usage", "session.status_idle",
    ]  # fmt: skip
    assert log.log[-1].body["stop_reason"] == {"type": "budget_reached"}
    assert not mind.requests
