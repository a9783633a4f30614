"""Consultations of an advisor (facts 21.5; the page on multiagent orchestration)."""

from typing import Any

import pytest
from anthropic import Anthropic

from .conversation import TOOLSET, Conversation, Event, listening, one, only, types
from .test_delegation import own_events

pytestmark = pytest.mark.documented
ADVISOR = "anthropic.advisor"


def advised(client: Anthropic, environment_id: str) -> str:
    multiagent: Any = {"type": "coordinator", "agents": [{"type": "advisor", "model": "scripted"}]}
    agent = client.beta.agents.create(name="worker", model="scripted", tools=[TOOLSET], multiagent=multiagent)
    return client.beta.sessions.create(agent=agent.id, environment_id=environment_id).id


def consult(talk: Conversation, advice: str) -> list[Event]:
    """A turn with a consultation. The advisor plays the script that stands last in what it is shown."""
    talk.say(f"SCRIPT: bash printf 'SCR''IPT: {advice}\\n' | tool consult_advisor {{}} | text went on")
    return talk.read_until("session.status_idle")


def test_a_consultation(client: Anthropic, environment_id: str) -> None:
    """Five events in the documented order, no tool use; the thread ends itself, and lists as the advisor's form."""
    made = advised(client, environment_id)
    with listening(client, made) as talk:
        events = consult(talk, "text use a queue")
        thread = one(events, "session.thread_created")["session_thread_id"]
        of_advisor = [
            event for event in events if thread in (event.get("session_thread_id"), event.get("from_session_thread_id"))
        ]
        assert types(of_advisor) == [
            "session.thread_created", "session.thread_status_running", "agent.thread_message_received",
            "session.thread_status_idle", "session.thread_status_terminated",
        ]  # fmt: skip
        names = [event.get("agent_name", event.get("from_agent_name")) for event in of_advisor]
        assert names == [ADVISOR] * 5
        assert of_advisor[3]["stop_reason"] == {"type": "end_turn"}
        assert of_advisor[2]["content"] == [{"type": "text", "text": "use a queue"}]
        assert [each["name"] for each in only(events, "agent.tool_use")] == ["bash"]
        assert not only(events, "agent.thread_message_sent")
        assert only(events, "agent.message")[-1]["content"][0]["text"] == "went on"
        own = own_events(client, made, thread)
        assert one(own, "agent.thread_message_sent")["content"] == of_advisor[2]["content"]
        primary, advisor = client.beta.sessions.threads.list(made)
        assert advisor.agent.to_dict() == {"type": "advisor", "model": "scripted"}
        assert (advisor.parent_thread_id, advisor.status) == (primary.id, "terminated")
        usage = client.beta.sessions.retrieve(made).usage
        assert advisor.usage is not None and primary.usage is not None and usage is not None
        assert usage.output_tokens == (advisor.usage.output_tokens or 0) + (primary.usage.output_tokens or 0)
        assert talk.listed() == talk.streamed


def test_a_failed_consultation_is_harmless(client: Anthropic, environment_id: str) -> None:
    """The turn goes on after a notice that only the agent reads: no error is told, and no advice comes."""
    made = advised(client, environment_id)
    with listening(client, made) as talk:
        for advice in ("{status=400,times=0} text never", "refusal", "tool nonsense {}"):
            events = consult(talk, advice)
            assert only(events, "session.thread_status_terminated")
            assert not only(events, "session.error")
            assert only(events, "agent.message")[-1]["content"][0]["text"] == "went on"


def test_an_interrupt_of_the_consultation_alone(client: Anthropic, environment_id: str) -> None:
    """With the advisor thread's id only that consultation is abandoned; the turn goes on."""
    made = advised(client, environment_id)
    with listening(client, made) as talk:
        talk.say("SCRIPT: {ttft=0.5} tool consult_advisor {} | text went on")
        thread = talk.read_until("session.thread_created")[-1]["session_thread_id"]
        talk.send({"type": "user.interrupt", "session_thread_id": thread})
        events = talk.read_until("session.status_idle")
        assert only(events, "session.thread_status_terminated")[0]["session_thread_id"] == thread
        assert not only(events, "agent.thread_message_received")
        assert only(events, "agent.message")[-1]["content"][0]["text"] == "went on"


def test_an_interrupt_of_the_session(client: Anthropic, environment_id: str) -> None:
    """The advisor's thread is terminated, no advice delivered."""
    made = advised(client, environment_id)
    with listening(client, made) as talk:
        talk.say("SCRIPT: {ttft=0.5} tool consult_advisor {} | text never")
        talk.read_until("session.thread_created")
        talk.send({"type": "user.interrupt"})
        events = talk.read_until("session.status_idle")
        assert only(events, "session.thread_status_terminated")
        assert not only(events, "agent.thread_message_received") and not only(events, "agent.message")
        assert types(talk.turn("SCRIPT: text hello"))[-1] == "session.status_idle"


def test_no_advisor_no_tool(client: Anthropic, environment_id: str) -> None:
    agent = client.beta.agents.create(name="alone", model="scripted", tools=[TOOLSET])
    made = client.beta.sessions.create(agent=agent.id, environment_id=environment_id).id
    with listening(client, made) as talk:
        *_, use = only(consult(talk, "text no"), "agent.tool_use")
        assert (use["name"], use["evaluated_permission"]) == ("consult_advisor", "deny")
