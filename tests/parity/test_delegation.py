"""Agents that delegate (facts 9.10, 21.4; the page on multiagent orchestration). Children have threads of their own."""

import json
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conversation import TOOLSET, Conversation, Event, listening, one, only, types

pytestmark = pytest.mark.documented
LOOKUP: Any = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object"}}
ASKING: Any = {**TOOLSET, "default_config": {"permission_policy": {"type": "always_ask"}}}


def team(client: Anthropic, environment_id: str, *, lead: Any = None, **members: Any) -> str:
    """A session whose agent can delegate to these members, each with the given tools."""
    made = [
        client.beta.agents.create(name=name, model="scripted", tools=tools, description=f"The {name}.")
        for name, tools in members.items()
    ]
    roster: Any = {"type": "coordinator", "agents": [agent.id for agent in made]}
    leader = client.beta.agents.create(name="lead", model="scripted", tools=lead or [TOOLSET], multiagent=roster)
    return client.beta.sessions.create(agent=leader.id, environment_id=environment_id).id


def quoted(given: Any) -> str:
    """JSON in which a script of its own is not taken for the one it stands in."""
    hidden = {"SCRIPT:": "\\u0053CRIPT:", " | ": " \\u007c ", " && ": " \\u0026& ", "#id=": "\\u0023id="}
    text = json.dumps(given)
    for plain, escaped in hidden.items():
        text = text.replace(plain, escaped)
    return text


def spawn(agent: str, task: str) -> str:
    """A step of a script that delegates."""
    return f"tool spawn_agent {quoted({'agent': agent, 'task': task})}"


def children(client: Anthropic, session_id: str) -> list[Any]:
    return [each for each in client.beta.sessions.threads.list(session_id) if each.parent_thread_id is not None]


def own_events(client: Anthropic, session_id: str, thread_id: str) -> list[Event]:
    found = client.beta.sessions.threads.events.list(thread_id, session_id=session_id)
    return [event.to_dict(mode="json") for event in found]


def settled(talk: Conversation) -> list[Event]:
    return talk.read_until("session.status_idle")


def test_a_delegated_task(client: Anthropic, environment_id: str) -> None:
    """The order of events on both streams; the report comes to the coordinator, who goes on by itself."""
    made = team(client, environment_id, reviewer=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {spawn('reviewer', 'SCRIPT: text looks good')} | tool wait_for_agents {{}} | text all done")
        events = settled(talk)
        (child,) = children(client, made)
        created = one(events, "session.thread_created")
        assert created["session_thread_id"] == child.id
        assert (created["agent_name"], created["workflow_run_id"]) == ("reviewer", None)
        of_child = [event for event in events if event.get("session_thread_id") == child.id]
        assert types(of_child) == [
            "session.thread_created", "session.thread_status_running", "session.thread_status_idle",
        ]  # fmt: skip
        spawned = one(only(events, "agent.tool_use")[:1], "agent.tool_use")
        assert (spawned["name"], spawned["evaluated_permission"]) == ("spawn_agent", "allow")
        sent, came = one(events, "agent.thread_message_sent"), one(events, "agent.thread_message_received")
        assert (sent["to_session_thread_id"], sent["to_agent_name"]) == (child.id, "reviewer")
        assert (came["from_session_thread_id"], came["from_agent_name"]) == (child.id, "reviewer")
        assert came["content"] == [{"type": "text", "text": "looks good"}]
        order = types(events)
        assert order.index("session.thread_created") < order.index("agent.thread_message_sent")
        assert events[-1]["stop_reason"] == {"type": "end_turn"}
        assert only(events, "agent.message")[-1]["content"][0]["text"] == "all done"
        assert len(only(events, "session.status_running")) == 1, "the session runs for as long as one of them does"
        own = own_events(client, made, child.id)
        assert types(own) == [
            "session.thread_status_running", "agent.thread_message_received", "span.model_request_start",
            "agent.message", "span.model_request_end", "agent.thread_message_sent", "session.thread_status_idle",
        ]  # fmt: skip
        assert "from_agent_name" not in own[1], "absent when it is the primary agent's"
        assert "to_agent_name" not in own[5]
        assert talk.listed() == talk.streamed


def test_threads_as_resources(client: Anthropic, http: httpx2.Client, environment_id: str) -> None:
    """Each has its agent, status, parent and usage; the session's usage is that of all."""
    made = team(client, environment_id, reviewer=[TOOLSET])
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {spawn('reviewer', 'SCRIPT: text good')} | tool wait_for_agents {{}} | text done")
        first, second = client.beta.sessions.threads.list(made)
        assert (first.parent_thread_id, second.parent_thread_id) == (None, first.id)
        assert (second.agent.to_dict()["name"], second.status) == ("reviewer", "idle")
        assert "multiagent" not in http.get(f"/v1/sessions/{made}/threads/{second.id}").json()["agent"]
        assert second.stats is not None and second.stats.startup_seconds == 0
        whole = client.beta.sessions.retrieve(made)
        parts = [each.usage for each in (first, second)]
        assert whole.usage.output_tokens == sum(each.output_tokens or 0 for each in parts if each)
        assert all(each and each.output_tokens for each in parts)


def test_children_work_side_by_side_and_keep_their_context(client: Anthropic, environment_id: str) -> None:
    """Two at once, in shells of their own on one disk; a follow-up finds what was said before."""
    made = team(client, environment_id, a=[TOOLSET], b=[TOOLSET])
    meet = "until [ -e /workspace/{0} ]; do sleep 0.02; done"
    tasks = [
        spawn("a", "SCRIPT: bash touch /workspace/a; cd /tmp; " + meet.format("b") + " | text a met b"),
        spawn("b", "SCRIPT: bash touch /workspace/b; pwd; " + meet.format("a") + " | text b met a"),
    ]
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {' && '.join(tasks)} | tool wait_for_agents {{}} | text done")
        told = [each["content"][0]["text"] for each in only(talk.streamed, "agent.thread_message_received")]
        assert sorted(told) == ["a met b", "b met a"]
        a, b = children(client, made)
        (result,) = only(own_events(client, made, b.id), "agent.tool_result")
        assert result["content"][0]["text"] == "/workspace\n"
        follow = quoted({"session_thread_id": a.id, "message": "SCRIPT: bash pwd | text again"})
        events = talk.turn(f"SCRIPT: tool send_to_agent {follow} | text ok | text heard")
        assert not only(events, "session.thread_created")
        own = own_events(client, made, a.id)
        assert only(own, "agent.tool_result")[-1]["content"][0]["text"] == "/tmp\n", "its shell is where it was"
        assert len(only(own, "agent.thread_message_received")) == 2


def test_a_report_wakes_a_coordinator_at_rest(client: Anthropic, environment_id: str) -> None:
    """The session stays running while a child is; the primary thread rests and is woken by the answer."""
    made = team(client, environment_id, slow=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {spawn('slow', 'SCRIPT: {ttft=0.5} text at last')} | text go on without me | text thanks")
        events = settled(talk)
        primary = [event for event in events if event["type"].startswith("session.thread_status")]
        name = [(event["agent_name"], event["type"].rpartition("_")[2]) for event in primary]
        assert name == [
            ("lead", "running"), ("slow", "running"), ("lead", "idle"), ("slow", "idle"), ("lead", "running"),
            ("lead", "idle"),
        ]  # fmt: skip
        assert [event["content"][0]["text"] for event in only(events, "agent.message")][-1] == "thanks"
        assert len(only(events, "session.status_running")) == len(only(events, "session.status_idle")) == 1


def test_a_child_asks_its_person(client: Anthropic, environment_id: str) -> None:
    """Cross-posted with the thread's id; the answer is routed by the call's id alone."""
    made = team(client, environment_id, asker=[ASKING, LOOKUP])
    task = "SCRIPT: bash echo hi && tool lookup {} | text finished"
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {spawn('asker', task)} | tool wait_for_agents {{}} | text done")
        events = settled(talk)
        (child,) = children(client, made)
        use = next(each for each in only(events, "agent.tool_use") if each["name"] == "bash")
        lookup = one(events, "agent.custom_tool_use")
        assert (use["session_thread_id"], lookup["session_thread_id"]) == (child.id, child.id)
        assert events[-1]["stop_reason"] == {"type": "requires_action", "event_ids": [use["id"], lookup["id"]]}
        idle = next(e for e in only(events, "session.thread_status_idle") if e["session_thread_id"] == child.id)
        assert (idle["agent_name"], idle["stop_reason"]) == ("asker", events[-1]["stop_reason"])
        own = own_events(client, made, child.id)
        assert only(own, "agent.tool_use")[0] == {**use, "session_thread_id": None}
        talk.send({"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"})
        again = settled(talk)
        assert one(again, "user.tool_confirmation")["session_thread_id"] == child.id
        assert again[-1]["stop_reason"]["event_ids"] == [lookup["id"]]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": lookup["id"], "content": []}
        talk.send(result)
        last = settled(talk)
        assert last[-1]["stop_reason"] == {"type": "end_turn"}
        assert one(last, "agent.thread_message_received")["content"][0]["text"] == "finished"


def test_interrupts_of_one_and_of_all(client: Anthropic, environment_id: str) -> None:
    """With a thread's id only that one stops, and the coordinator hears of it; without, every thread does."""
    made = team(client, environment_id, a=[TOOLSET], b=[TOOLSET])
    both = f"{spawn('a', 'SCRIPT: bash sleep 60')} && {spawn('b', 'SCRIPT: bash sleep 60')}"
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {both} | tool wait_for_agents {{}} | text done")
        talk.read(lambda event: event["type"] == "agent.tool_use" and event["name"] == "wait_for_agents")
        a, b = children(client, made)
        talk.send({"type": "user.interrupt", "session_thread_id": a.id})
        events = talk.read(lambda event: event["type"] == "session.thread_status_idle")
        assert events[-1]["session_thread_id"] == a.id
        assert one(events, "agent.thread_message_received")["from_session_thread_id"] == a.id
        assert one(events, "user.interrupt")["session_thread_id"] == a.id
        assert talk.status() == "running"
        talk.send({"type": "user.interrupt"})
        rest = settled(talk)
        idle = [event["session_thread_id"] for event in only(rest, "session.thread_status_idle")]
        assert idle[0] == b.id and len(idle) == 2, "children first"
        assert rest[-1]["stop_reason"] == {"type": "end_turn"}
        statuses = {each.status for each in client.beta.sessions.threads.list(made)}
        assert statuses == {"idle"}
        (result,) = only(own_events(client, made, b.id), "agent.tool_result")
        assert result["is_error"]
        assert types(talk.turn("SCRIPT: text hello"))[-1] == "session.status_idle"


def test_a_person_need_not_wait(client: Anthropic, environment_id: str) -> None:
    """A message reaches a coordinator that waits for its agents, in the same turn."""
    made = team(client, environment_id, slow=[TOOLSET])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {spawn('slow', 'SCRIPT: bash sleep 60')} | tool wait_for_agents {{}} | text never")
        talk.read(lambda event: event["type"] == "agent.tool_use" and event["name"] == "wait_for_agents")
        talk.say("SCRIPT: text here I am")
        events = talk.read(lambda event: event["type"] == "agent.message")
        assert events[-1]["content"][0]["text"] == "here I am"
        talk.send({"type": "user.interrupt"})
        settled(talk)


def test_archiving_a_thread(client: Anthropic, http: httpx2.Client, environment_id: str) -> None:
    """It is terminated, says so on both streams, and can be sent nothing more; the primary one cannot be archived."""
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {spawn('helper', 'SCRIPT: text hi')} | tool wait_for_agents {{}} | text done")
        primary, child = client.beta.sessions.threads.list(made)
        assert http.post(f"/v1/sessions/{made}/threads/{primary.id}/archive").status_code == 400
        archived = client.beta.sessions.threads.archive(child.id, session_id=made)
        assert (archived.status, archived.archived_at is not None) == ("terminated", True)
        (told,) = talk.read_until("session.thread_status_terminated")
        assert (told["session_thread_id"], told["agent_name"]) == (child.id, "helper")
        assert own_events(client, made, child.id)[-1]["type"] == "session.thread_status_terminated"
        assert client.beta.sessions.threads.archive(child.id, session_id=made).archived_at == archived.archived_at
        follow = json.dumps({"session_thread_id": child.id, "message": "more"})
        events = talk.turn(f"SCRIPT: tool send_to_agent {follow} | text ok")
        assert one(events, "agent.tool_result")["is_error"]


def test_archiving_a_thread_that_waits_for_its_person(client: Anthropic, environment_id: str) -> None:
    """Its call is abandoned, who delegated it is told, and the session stands as if it had answered."""
    made = team(client, environment_id, helper=[ASKING])
    with listening(client, made) as talk:
        events = talk.turn(f"SCRIPT: {spawn('helper', 'SCRIPT: bash date | text never')} | text away")
        if one(events, "session.status_idle")["stop_reason"]["type"] != "requires_action":
            events = talk.read_until("session.status_idle")
        (child,) = children(client, made)
        (call,) = only(own_events(client, made, child.id), "agent.tool_use")
        assert one(events, "session.status_idle")["stop_reason"]["event_ids"] == [call["id"]]
        client.beta.sessions.threads.archive(child.id, session_id=made)
        events = talk.read_until("session.status_idle")
        assert one(events, "session.status_idle")["stop_reason"] == {"type": "end_turn"}
        assert "archived" in one(events, "agent.thread_message_received")["content"][0]["text"]
        (result,) = only(own_events(client, made, child.id), "agent.tool_result")
        assert (result["tool_use_id"], result["is_error"]) == (call["id"], True)
        assert own_events(client, made, child.id)[-1]["type"] == "session.thread_status_terminated"
        assert client.beta.sessions.threads.retrieve(child.id, session_id=made).status == "terminated"


def test_an_interrupt_of_a_thread_that_is_over(client: Anthropic, environment_id: str) -> None:
    """It is recorded, as that of a thread at rest is, and ends nothing."""
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {spawn('helper', 'SCRIPT: text hi')} | tool wait_for_agents {{}} | text done")
        (child,) = children(client, made)
        client.beta.sessions.threads.archive(child.id, session_id=made)
        talk.read_until("session.thread_status_terminated")
        talk.send({"type": "user.interrupt", "session_thread_id": child.id})
        (interrupt,) = talk.read_until("user.interrupt")
        assert interrupt["session_thread_id"] == child.id
        assert client.beta.sessions.retrieve(made).status == "idle"
        assert talk.turn("SCRIPT: text on")[-1]["stop_reason"] == {"type": "end_turn"}


def test_mistakes_of_the_model_are_told(client: Anthropic, environment_id: str) -> None:
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        talk.turn(
            'SCRIPT: tool spawn_agent {"agent": "nobody", "task": "x"} | tool spawn_agent {"agent": "helper"} | '
            'tool send_to_agent {"session_thread_id": "sthr_x", "message": "m"} | tool list_agents {} | '
            'tool wait_for_agents {"session_thread_ids": ["sthr_x"]} | tool wait_for_agents {} | text done'
        )
        results = only(talk.streamed, "agent.tool_result")
        assert [each["is_error"] for each in results] == [True, True, True, False, True, False]
        texts = [each["content"][0]["text"] for each in results]
        assert "helper" in texts[0] and '"task" is required' in texts[1] and "sthr_x" in texts[2]
        assert "- helper: The helper." in texts[3]


def test_a_child_does_not_delegate(client: Anthropic, environment_id: str) -> None:
    """Depth one: the tools are the primary thread's alone."""
    made = team(client, environment_id, helper=[TOOLSET])
    inner = "SCRIPT: tool spawn_agent {} | text no"
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {spawn('helper', inner)} | tool wait_for_agents {{}} | text done")
        (child,) = children(client, made)
        (use,) = only(own_events(client, made, child.id), "agent.tool_use")
        assert (use["evaluated_permission"], "evaluation" in use) == ("deny", False)


def test_there_is_a_cap_on_living_threads(client: Anthropic, environment_id: str) -> None:
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        steps = " && ".join([spawn("helper", "SCRIPT: text hi")] * 26)
        talk.turn(f"SCRIPT: {steps} | tool wait_for_agents {{}} | text done")
        refused = [each for each in only(talk.streamed, "agent.tool_result") if each["is_error"]]
        assert len(refused) == 1 and "the most there can be" in refused[0]["content"][0]["text"]
        found = children(client, made)
        assert len(found) == 25
        client.beta.sessions.threads.archive(found[0].id, session_id=made)
        talk.read_until("session.thread_status_terminated")
        events = talk.turn(f"SCRIPT: {spawn('helper', 'SCRIPT: text hi')} | tool wait_for_agents {{}} | text done")
        assert one(events, "session.thread_created"), "an archived one frees its place"


def test_previews_stay_in_their_thread(client: Anthropic, environment_id: str) -> None:
    """A child's previews are on its own stream only."""
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made, event_deltas=["agent.message"]) as talk:
        talk.say(f"SCRIPT: {spawn('helper', 'SCRIPT: {ttft=0.6} text from below')} | text ok | text up here")
        created = talk.read_until("session.thread_created")[-1]
        with client.beta.sessions.threads.events.stream(
            created["session_thread_id"], session_id=made, event_deltas=["agent.message"], timeout=10
        ) as stream:
            below: list[str] = []
            for event in stream:
                below.append(event.type)
                if event.type == "session.thread_status_idle":
                    break
        assert "event_delta" in below and "agent.message" in below
        above = settled(talk)
        told = "".join(e["delta"]["content"]["text"] for e in only(above, "event_delta"))
        assert "from below" not in told and "up here" in told


def free(client: Anthropic, environment_id: str, **subagents: Any) -> str:
    """A session whose agent may define agents as it delegates."""
    multiagent: Any = {"type": "multiagent_20261001"}
    if subagents:
        multiagent["subagents"] = {"type": "enabled", **subagents}
    agent = client.beta.agents.create(name="lead", model="scripted", tools=[TOOLSET], multiagent=multiagent)
    return client.beta.sessions.create(agent=agent.id, environment_id=environment_id).id


def test_an_agent_defined_as_it_is_spawned(client: Anthropic, environment_id: str) -> None:
    """multiagent_20261001: subagents are on unless said otherwise, and inline ones with them; they have no id."""
    made = free(client, environment_id)
    inline = quoted(
        {"inline_agent": {"name": "poet", "system": "Rhyme.", "tools": ["bash"]}, "task": "SCRIPT: text oh"}
    )
    nameless = quoted({"task": "SCRIPT: tool read {} | text ah"})
    with listening(client, made) as talk:
        talk.turn(
            f"SCRIPT: tool spawn_agent {inline} && tool spawn_agent {nameless} | tool wait_for_agents {{}} | text x"
        )
        poet, other = [each.agent.to_dict() for each in children(client, made)]
        assert (poet["type"], poet["name"], poet["system"], "id" in poet) == ("inline", "poet", "Rhyme.", False)
        assert (other["type"], other["name"]) == ("inline", "agent-2"), "the server's name for it"
        told = [each["content"][0]["text"] for each in only(talk.streamed, "agent.thread_message_received")]
        assert sorted(told) == ["ah", "oh"]


def test_inline_agents_can_be_off(client: Anthropic, environment_id: str) -> None:
    member = client.beta.agents.create(name="helper", model="scripted")
    off = free(client, environment_id, inline_agents={"type": "disabled"}, predefined_agents=[member.id])
    given = quoted({"inline_agent": {"name": "poet"}, "task": "SCRIPT: text oh"})
    with listening(client, off) as talk:
        talk.turn(
            f"SCRIPT: tool spawn_agent {given} | {spawn('helper', 'SCRIPT: text hi')} | tool wait_for_agents {{}}"
        )
        first, *_ = only(talk.streamed, "agent.tool_result")
        assert first["is_error"] and '"inline_agent" is not a parameter' in first["content"][0]["text"]
        (child,) = children(client, off)
        assert child.agent.to_dict()["name"] == "helper"


def test_mistakes_in_a_definition_are_told(client: Anthropic, environment_id: str) -> None:
    made = free(client, environment_id)
    wrong: list[Any] = [{"tools": ["nothing"]}, {"nonsense": 1}, {"name": "anthropic.advisor"}]
    steps = [f"tool spawn_agent {quoted({'inline_agent': each, 'task': 'x'})}" for each in wrong]
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {' | '.join(steps)} | text done")
        results = only(talk.streamed, "agent.tool_result")
        assert [each["is_error"] for each in results] == [True] * 3
        assert all(each["content"][0]["text"].startswith("inline_agent: ") for each in results)
        assert not children(client, made)


def test_one_budget_for_all_threads(client: Anthropic, environment_id: str) -> None:
    """Facts 9.8: what children cost counts, each pauses at the cap, an ask outranks it, and a raise lets all go on."""
    model = "claude-opus-4-1"
    helper = client.beta.agents.create(name="helper", model=model, tools=[TOOLSET])
    roster: Any = {"type": "coordinator", "agents": [helper.id]}
    lead = client.beta.agents.create(name="lead", model=model, tools=[TOOLSET], multiagent=roster)
    limit: Any = {"type": "limit", "max_list_cost": {"amount": "8", "currency": "USD"}}
    made = client.beta.sessions.create(agent=lead.id, environment_id=environment_id, budget=limit).id
    long = "word " * 4_000  # some cents of input
    with listening(client, made) as talk:
        talk.say(
            f"SCRIPT: {spawn('helper', f'{long} SCRIPT: bash*3 true | text hi')} | tool wait_for_agents {{}} | text x"
        )
        events = settled(talk)
        idle = only(events, "session.thread_status_idle")
        assert [each["stop_reason"]["type"] for each in idle] == ["budget_reached", "budget_reached"]
        assert events[-1]["stop_reason"] == {"type": "budget_reached"}
        assert types(events)[-2] == "session.usage"
        limit["max_list_cost"]["amount"] = "900"
        client.beta.sessions.update(made, budget=limit)
        rest = settled(talk)
        assert rest[-1]["stop_reason"] == {"type": "end_turn"}
        assert one(rest, "agent.thread_message_received")["content"][0]["text"] == "hi"


def test_times_of_threads_that_ran_side_by_side(client: Anthropic, environment_id: str) -> None:
    """`usage.active_seconds` counts overlapping activity once, `stats.active_seconds` each thread's own."""
    made = team(client, environment_id, a=[TOOLSET])
    with listening(client, made) as talk:
        talk.turn(f"SCRIPT: {spawn('a', 'SCRIPT: {ttft=0.4} text hi')} | tool wait_for_agents {{}} | text done")
        whole = client.beta.sessions.retrieve(made)
        threads = [each.stats.active_seconds or 0 for each in client.beta.sessions.threads.list(made) if each.stats]
        assert whole.stats is not None and whole.usage is not None
        assert abs((whole.stats.active_seconds or 0) - sum(threads)) < 0.01
        assert (whole.usage.active_seconds or 0) < sum(threads) - 0.3


@pytest.mark.parametrize("task", ["SCRIPT: bash sleep 30", "SCRIPT: tool lookup {}"])
def test_an_interrupt_of_all_wakes_nobody(client: Anthropic, environment_id: str, task: str) -> None:
    """Also with a coordinator at rest, whatever its agent does: at work, or waiting for the user."""
    made = team(client, environment_id, helper=[TOOLSET, LOOKUP])
    with listening(client, made) as talk:
        talk.say(f"SCRIPT: {spawn('helper', task)} | text not waiting | text never")
        talk.read(lambda event: event["type"] == "agent.message")
        if "lookup" in task:
            settled(talk)
        else:
            talk.read(lambda event: event["type"] == "session.thread_status_idle")
        talk.send({"type": "user.interrupt"})
        events = settled(talk)
        assert "session.thread_status_running" not in types(events)
        assert not only(events, "agent.thread_message_received")
        assert events[-1]["stop_reason"] == {"type": "end_turn"}
        assert talk.turn("SCRIPT: text hello")[-1]["stop_reason"] == {"type": "end_turn"}
