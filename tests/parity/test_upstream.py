"""Turns whose model is asked over HTTP, with the Messages API's own stream."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from server import RunningServer, start_server

from .conversation import IDLE, REQUEST, RUNNING, Conversation, listening, one, only, types
from .provider import start_provider

pytestmark = pytest.mark.ours_only

PROVIDER_KEY = "provider-key"
LOOKUP = {"type": "custom", "name": "lookup", "description": "Looks up.", "input_schema": {"type": "object"}}
CUT = ["span.model_request_start", "span.model_request_end"]
RETRY = ["session.error", "session.status_rescheduled", "session.thread_status_rescheduled"]

Start = Callable[..., Conversation]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with start_provider() as url:
        yield url


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[RunningServer]:
    """A server whose models are the provider's."""
    route = {"match": "claude-*", "protocol": "anthropic", "base_url": provider, "api_key": PROVIDER_KEY}
    with start_server(tmp_path_factory.mktemp("upstream"), models=[route]) as running:
        yield running


@pytest.fixture
def start(upstream: RunningServer) -> Iterator[Start]:
    """Makes a session and listens to it."""
    with ExitStack() as stack:
        client = stack.enter_context(Anthropic(base_url=upstream.url, api_key=upstream.api_key, max_retries=0))

        def make(**agent: Any) -> Conversation:
            made = client.beta.agents.create(**{"name": "actor", "model": "claude-fake-1", **agent})
            environment = client.beta.environments.create(name="upstream")
            session = client.beta.sessions.create(agent=made.id, environment_id=environment.id)
            return stack.enter_context(listening(client, session.id))

        yield make


def asked(provider: str, session: Conversation) -> list[dict[str, Any]]:
    """The requests that the provider got for a session, told by the mark of its scripts."""
    records = httpx2.get(f"{provider}/_fake/requests", trust_env=False).json()
    return [record for record in records if session.id in str(record["body"])]


def test_text_turn(start: Start, provider: str) -> None:
    """One turn, one request; the system prompt is the agent's, the model id as configured."""
    session = start(system="Be brief.")
    events = session.turn("SCRIPT: think hm && text hello there")
    start_of_span, *rest = REQUEST
    assert types(events) == [*RUNNING, "user.message", start_of_span, "agent.thinking", *rest, *IDLE]
    (record,) = asked(provider, session)
    assert record["body"]["model"] == "claude-fake-1"
    assert "Be brief." in str(record["body"]["system"])


def test_tool_results_go_back_in_one_message(start: Start, provider: str) -> None:
    """The model's calls and their results pair up by id, in order, also when a message came between."""
    session = start(tools=[LOOKUP])
    events = session.turn("SCRIPT: tool lookup {} && tool lookup {} | text done")
    uses = only(events, "agent.custom_tool_use")
    session.say("meanwhile")
    session.send(*({"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": []} for use in uses))
    session.read_until("session.status_idle")
    *_, last = asked(provider, session)
    assistant, user = last["body"]["messages"][1:]
    called = [block["id"] for block in assistant["content"] if block["type"] == "tool_use"]
    answered = [block["tool_use_id"] for block in user["content"] if block["type"] == "tool_result"]
    assert called == answered
    assert len(called) == 2
    assert [block["type"] for block in user["content"]] == ["tool_result", "tool_result", "text"]


def test_an_overloaded_provider(start: Start) -> None:
    """facts 9.7: HTTP 529 with retry-after is waited out."""
    session = start()
    events = session.turn("SCRIPT: {status=529,times=2} text at last")
    attempt = [*CUT, *RETRY, *RUNNING]
    assert types(events) == [*RUNNING, "user.message", *attempt, *attempt, *REQUEST, *IDLE]
    assert {error["error"]["type"] for error in only(events, "session.error")} == {"model_overloaded_error"}


def test_a_connection_that_breaks(start: Start) -> None:
    """facts 9.7: a stream that is cut is retried, and what it had said is not in the log."""
    session = start()
    events = session.turn("SCRIPT: {cut=2} text one two three")
    assert types(events) == [*RUNNING, "user.message", *CUT, *RETRY, *RUNNING, *REQUEST, *IDLE]
    assert one(events, "agent.message")["content"][0]["text"] == "one two three"


def test_the_providers_own_refusal(start: Start) -> None:
    """facts 8.15: a 400 is not retried, and its message reaches the client."""
    events = start().turn("SCRIPT: {status=400,times=0} text never")
    error = one(events, "session.error")["error"]
    assert (error["type"], error["retry_status"]["type"]) == ("model_request_failed_error", "exhausted")
    assert "injected 400" in error["message"]


def test_each_agent_is_told_its_own_skills(start: Start, upstream: RunningServer, provider: str) -> None:
    """The page on orchestration: skills are not shared among the agents of a session."""
    toolset = {"type": "agent_toolset_20260401"}
    xlsx, pdf = ({"type": "anthropic", "skill_id": name} for name in ("xlsx", "pdf"))
    with Anthropic(base_url=upstream.url, api_key=upstream.api_key) as client:
        worker = client.beta.agents.create(
            name="worker", model="claude-fake-1", system="WORKER", tools=[toolset], skills=[xlsx]
        )
    session = start(
        system="LEAD", tools=[toolset], skills=[pdf], multiagent={"type": "coordinator", "agents": [worker.id]}
    )
    events = session.turn('SCRIPT: tool spawn_agent {"agent": "worker", "task": "work"} | text told | text done')
    assert only(events, "agent.thread_message_received")
    records = httpx2.get(f"{provider}/_fake/requests", trust_env=False).json()
    systems = [str(record["body"].get("system")) for record in records]
    for who, own, other in (("LEAD", "pdf", "xlsx"), ("WORKER", "xlsx", "pdf")):
        told = [each for each in systems if who in each]
        assert told
        assert all(f"skills/{own}" in each and f"skills/{other}" not in each for each in told)
