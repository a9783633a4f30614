"""Workflow runs (facts 21.7; the SDK's types): a plan that the agent writes calls agents."""

import json
from typing import Any

import pytest
from anthropic import Anthropic

from .conversation import TOOLSET, Conversation, Event, listening, one, only, types
from .test_delegation import ASKING, quoted

pytestmark = pytest.mark.documented

LONG = 'return agent("helper", "SCRIPT: bash sleep 60")'
SLOW = 'return agent("helper", "SCRIPT: {ttft=0.4} text slow")'


def session(client: Anthropic, environment_id: str, **tools: Any) -> str:
    """Its agent may name these agents in plans, each with the given tools, and define others."""
    made = [client.beta.agents.create(name=name, model="scripted", tools=given) for name, given in tools.items()]
    multiagent: Any = {
        "type": "multiagent_20261001",
        "workflows": {"type": "enabled", "predefined_agents": [agent.id for agent in made]},
    }
    lead = client.beta.agents.create(name="lead", model="scripted", tools=[TOOLSET], multiagent=multiagent)
    return client.beta.sessions.create(agent=lead.id, environment_id=environment_id).id


def start(plan: str, **given: Any) -> str:
    return f"tool run_workflow {quoted({'plan': plan, **given})}"


def run(talk: Conversation, plan: str, **given: Any) -> list[Event]:
    """A turn that runs a plan, waits for it, and says what came of it."""
    return talk.turn(f"SCRIPT: {start(plan, **given)} | tool wait_for_workflows {{}} | text done")


def runs(events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"].startswith("workflow_run.")]


def heard(client: Anthropic, session_id: str) -> list[str]:
    """What the agents of runs were told to do."""
    found: list[str] = []
    for thread in client.beta.sessions.threads.list(session_id):
        if thread.workflow_run_id is not None:
            events = client.beta.sessions.threads.events.list(thread.id, session_id=session_id)
            told = [event.to_dict(mode="json") for event in events]
            found += [e["content"][0]["text"] for e in only(told, "agent.thread_message_received")]
    return found


PLAN = """
with phase("gather", "Ask around."):
    answers = parallel(lambda name: agent("helper", "SCRIPT: text " + name), ["ann", "bob"])
with phase("join"):
    if len(answers) == 2:
        last = agent("helper", "SCRIPT: text " + "-".join(answers))
return last.upper()
"""


def test_a_run(client: Anthropic, environment_id: str) -> None:
    """Created once, phases each started and ended, the end last; its threads carry its id and end with their work."""
    made = session(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        events = run(talk, PLAN, name="survey", description="Who is there?")
        told = runs(events)
        assert [each.removeprefix("workflow_run.") for each in types(told)] == [
            "created", "status_running", "phase_started", "phase_ended", "phase_started", "phase_ended", "status_ended",
        ]  # fmt: skip
        created = told[0]
        assert (created["name"], created["description"]) == ("survey", "Who is there?")
        assert [(each["name"], each["description"]) for each in created["phases"]] == [
            ("gather", "Ask around."), ("join", None),
        ]  # fmt: skip
        assert {each["workflow_run_id"] for each in told} == {created["workflow_run_id"]}
        phases = [each["id"] for each in created["phases"]]
        assert [each["workflow_run_phase_id"] for each in told[2:6]] == [phases[0], phases[0], phases[1], phases[1]]
        assert (told[3]["phase_started_id"], told[5]["phase_started_id"]) == (told[2]["id"], told[4]["id"])
        assert told[-1]["result"] == {"type": "completed"}
        threads = [each for each in client.beta.sessions.threads.list(made) if each.parent_thread_id is not None]
        assert {each.workflow_run_id for each in threads} == {created["workflow_run_id"]}
        assert [each.status for each in threads] == ["terminated"] * 3
        new = only(events, "session.thread_created")
        assert {each["workflow_run_id"] for each in new} == {created["workflow_run_id"]}
        assert sorted(heard(client, made)) == ["SCRIPT: text ann", "SCRIPT: text ann-bob", "SCRIPT: text bob"]
        assert only(events, "agent.message")[-1]["content"][0]["text"] == "done"
        assert talk.listed() == talk.streamed


def test_loops_branches_and_errors_of_agents(client: Anthropic, environment_id: str) -> None:
    """A failed agent is an error that the plan can catch; inline agents are defined in it."""
    made = session(client, environment_id, helper=[TOOLSET])
    plan = """
words = []
for number in range(3):
    words.append(agent({"name": "poet", "tools": []}, "SCRIPT: text line" + str(number)))
try:
    agent("helper", "SCRIPT: {status=400,times=0} text never")
except AgentError:
    words.append("caught")
try:
    agent("nobody", "x")
except AgentError as error:
    words.append("nobody" if "nobody" in str(error) else "what")
agent("helper", "SCRIPT: text " + ",".join(words))
"""
    with listening(client, made) as talk:
        events = run(talk, plan)
        assert runs(events)[-1]["result"] == {"type": "completed"}
        assert heard(client, made)[-1] == "SCRIPT: text line0,line1,line2,caught,nobody"
        inline = [each.agent.to_dict() for each in client.beta.sessions.threads.list(made)]
        assert [each["name"] for each in inline if each["type"] == "inline"] == ["poet"] * 3


def test_a_run_in_the_background(client: Anthropic, environment_id: str) -> None:
    """The agent goes on, or rests; the session runs for as long as the run does, whose end begins a new turn."""
    made = session(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {start(SLOW)} | text off | text so")
        events = talk.read_until("session.status_idle")
        assert [each["content"][0]["text"] for each in only(events, "agent.message")] == ["off", "so"]
        assert runs(events)[-1]["type"] == "workflow_run.status_ended"


def test_a_plan_that_is_refused(client: Anthropic, environment_id: str) -> None:
    """No run is created: `workflow_run.error` with a null run; the agent is told where and why."""
    made = session(client, environment_id)
    with listening(client, made) as talk:
        events = run(talk, "import os\nreturn 1")
        error = one(runs(events), "workflow_run.error")
        assert (error["workflow_run_id"], error["error"]["type"]) == (None, "program_error")
        result = only(events, "agent.tool_result")[0]
        assert result["is_error"] and "line 1" in result["content"][0]["text"]


def test_a_plan_that_fails(client: Anthropic, environment_id: str) -> None:
    """The error and the end say the same; open phases are ended first."""
    made = session(client, environment_id)
    with listening(client, made) as talk:
        events = run(talk, 'with phase("one"):\n    x = {}["missing"]')
        told = runs(events)
        assert types(told)[-3:] == ["workflow_run.phase_ended", "workflow_run.error", "workflow_run.status_ended"]
        assert told[-1]["result"] == {"type": "error", "error": told[-2]["error"]}
        assert told[-2]["error"]["type"] == "program_error"
        assert "missing" not in json.dumps(told[-2]), "the wire has nothing of the run's content"


def test_stopping_a_run(client: Anthropic, environment_id: str) -> None:
    made = session(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {start(LONG)} | text begun")
        created = talk.read_until("workflow_run.created")[-1]
        seen: set[str] = set()
        talk.read(lambda event: seen.add(event["type"]) or seen >= {"session.thread_created", "agent.message"})
        stop = json.dumps({"workflow_run_id": created["workflow_run_id"]})
        events = talk.turn(f"SCRIPT: tool stop_workflow {stop} | text stopped")
        assert one(events, "workflow_run.status_ended")["result"] == {"type": "stopped"}
        threads = [each for each in client.beta.sessions.threads.list(made) if each.workflow_run_id is not None]
        assert [each.status for each in threads] == ["terminated"]


def test_an_interrupt_stops_runs(client: Anthropic, environment_id: str) -> None:
    made = session(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {start(LONG)} | tool wait_for_workflows {{}}")
        talk.read_until("session.thread_created")
        talk.send({"type": "user.interrupt"})
        events = talk.read_until("session.status_idle")
        assert one(events, "workflow_run.status_ended")["result"] == {"type": "stopped"}
        assert events[-1]["stop_reason"] == {"type": "end_turn"}
        assert types(talk.turn("SCRIPT: text hello"))[-1] == "session.status_idle"


def test_an_interrupt_wakes_no_agent_at_rest(client: Anthropic, environment_id: str) -> None:
    """It learns that its run was stopped when it goes on for another reason."""
    made = session(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {start(LONG)} | text at rest | text never")
        seen: set[str] = set()
        talk.read(lambda event: seen.add(event["type"]) or seen >= {"session.thread_created", "agent.message"})
        talk.send({"type": "user.interrupt"})
        events = talk.read_until("session.status_idle")
        assert one(events, "workflow_run.status_ended")["result"] == {"type": "stopped"}
        assert "never" not in json.dumps(only(events, "agent.message"))


def test_a_run_that_waits_for_a_person(client: Anthropic, environment_id: str) -> None:
    """It is idle while its agents wait, and running again when they have been answered."""
    made = session(client, environment_id, asker=[ASKING])
    with listening(client, made) as talk:
        events = run(talk, 'return agent("asker", "SCRIPT: bash echo hi | text ran")')
        (use,) = [each for each in only(events, "agent.tool_use") if each["session_thread_id"]]
        assert events[-1]["stop_reason"] == {"type": "requires_action", "event_ids": [use["id"]]}
        assert runs(events)[-1]["type"] == "workflow_run.status_idle"
        talk.send({"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"})
        rest = talk.read_until("session.status_idle")
        assert types(runs(rest)) == ["workflow_run.status_running", "workflow_run.status_ended"]


def test_archiving_a_thread_that_a_run_waits_for(client: Anthropic, environment_id: str) -> None:
    """Its call has failed, which the plan can catch."""
    made = session(client, environment_id, helper=[ASKING])
    plan = """
try:
    return agent("helper", "SCRIPT: bash date | text never")
except AgentError as error:
    return "went on: " + str(error)
"""
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {start(plan)} | text away")
        thread = next(each for each in client.beta.sessions.threads.list(made) if each.workflow_run_id)
        client.beta.sessions.threads.archive(thread.id, session_id=made)
        ended = talk.read_until("workflow_run.status_ended")[-1]
        assert ended["result"] == {"type": "completed"}
        assert talk.read_until("session.status_idle")[-1]["stop_reason"] == {"type": "end_turn"}
        assert client.beta.sessions.threads.retrieve(thread.id, session_id=made).status == "terminated"


def test_there_is_a_cap_on_open_runs(client: Anthropic, environment_id: str) -> None:
    made = session(client, environment_id, helper=[TOOLSET])
    one_run = start(LONG)
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {' && '.join([one_run] * 6)} | tool wait_for_workflows {{}}")
        error = talk.read_until("workflow_run.error")[-1]
        assert (error["workflow_run_id"], error["error"]["type"]) == (None, "max_workflow_runs_error")
        talk.send({"type": "user.interrupt"})
        assert len(only(talk.read_until("session.status_idle"), "workflow_run.status_ended")) == 5


def test_workflows_can_be_off(client: Anthropic, environment_id: str) -> None:
    multiagent: Any = {"type": "multiagent_20261001", "workflows": {"type": "disabled"}}
    lead = client.beta.agents.create(name="lead", model="scripted", tools=[TOOLSET], multiagent=multiagent)
    made = client.beta.sessions.create(agent=lead.id, environment_id=environment_id).id
    with listening(client, made) as talk:
        use = only(talk.turn(f"SCRIPT: {start('return 1')} | text no"), "agent.tool_use")[0]
        assert use["evaluated_permission"] == "deny"
