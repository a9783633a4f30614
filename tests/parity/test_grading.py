"""A grader at work: what its model is asked, its limits, and both databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from crash.fleet import fresh_database
from server import SCRIPTED, RunningServer, start_server

from .conversation import IDLE, REQUEST, RUNNING, TOOLSET, Conversation, listening, only, types
from .provider import start_provider
from .test_outcomes import END, INTERRUPT, ONGOING, START, TOOL, ended, outcome, result, shown, verdict

Start = Callable[..., Conversation]

MOST = 4


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with start_provider() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def impatient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider: str
) -> Iterator[RunningServer]:
    """A server with short limits; some of its models are the provider's."""
    route = {"match": "claude-*", "protocol": "anthropic", "base_url": provider, "api_key": "provider-key"}
    database = None
    if request.param == "postgres":
        database = fresh_database(request.getfixturevalue("postgres_url"), "grading")
    limits = {"evaluation_requests": MOST, "evaluation_heartbeat": 0.1}
    with start_server(
        tmp_path_factory.mktemp("grading"), models=[route, SCRIPTED], database_url=database, outcomes=limits
    ) as running:
        yield running


@pytest.fixture
def start(impatient: RunningServer) -> Iterator[Start]:
    """Makes a session and listens to it."""
    with ExitStack() as stack:
        client = stack.enter_context(
            Anthropic(
                base_url=impatient.url, api_key=impatient.api_key, max_retries=0, _strict_response_validation=True
            )
        )

        def make(**agent: Any) -> Conversation:
            made = client.beta.agents.create(**{"name": "actor", "model": "scripted", **agent})
            environment = client.beta.environments.create(name="grading")
            session = client.beta.sessions.create(agent=made.id, environment_id=environment.id)
            return stack.enter_context(listening(client, session.id))

        yield make


@pytest.mark.documented
def test_from_definition_to_satisfied(start: Start) -> None:
    """Two rounds, and what is shown in between."""
    talk = start(tools=[TOOLSET])
    work = "bash echo 1 > /mnt/session/outputs/draft | text first | {ttft=0.5} text second"
    talk.send(outcome(work, verdict("needs_revision", "more"), verdict("satisfied", "fine")))
    first = talk.read_until(END)
    assert types(first) == ["user.define_outcome", *RUNNING, *TOOL, *REQUEST, START, END]
    assert result(talk) == ("running", 1, "more")
    rest = talk.read_until("session.status_idle")
    assert types(rest) == [*REQUEST, START, END, *IDLE]
    assert ended(first + rest) == [("needs_revision", "more", 0), ("satisfied", "fine", 1)]
    assert result(talk) == ("satisfied", 1, "fine")
    talk.send(outcome("{ttft=30} text late", verdict("satisfied")))
    talk.read_until("span.model_request_start")
    talk.send(INTERRUPT)
    talk.read_until("session.status_idle")
    assert [each["result"] for each in shown(talk)] == ["satisfied", "interrupted"]


@pytest.mark.documented
def test_heartbeats(start: Start) -> None:
    """Signs of life while the grader's model thinks; what it thinks is not shown."""
    talk = start()
    talk.send(outcome("text done", "{ttft=1} think hm && " + verdict("satisfied")))
    events = talk.read_until("session.status_idle")
    (opened, *beats, closed) = [each for each in events if each["type"] in (START, ONGOING, END)]
    assert 3 <= len(beats) <= 10
    assert {(each["type"], each["outcome_id"], each["iteration"]) for each in beats} == {
        (ONGOING, opened["outcome_id"], 0)
    }
    assert all(set(each) == {"id", "type", "outcome_id", "iteration", "processed_at"} for each in beats)
    assert closed["outcome_evaluation_start_id"] == opened["id"]
    assert not only(events, "agent.thinking")


@pytest.mark.ours_only
def test_without_a_verdict(start: Start) -> None:
    """There is an end to its requests."""
    talk = start()
    talk.send(outcome("text done", *['tool glob {"pattern":"*"}'] * MOST, verdict("satisfied", "too late")))
    events = talk.read_until("session.status_idle")
    assert ended(events) == [("failed", "The grader gave no verdict.", 0)]
    assert len(only(events, ONGOING)) >= MOST - 1


@pytest.mark.ours_only
def test_a_grader_that_refuses(start: Start) -> None:
    talk = start()
    talk.send(outcome("text done", "refusal no"))
    assert ended(talk.read_until("session.status_idle"))[0][0] == "failed"


@pytest.mark.documented
def test_what_a_grader_is_asked(start: Start, provider: str) -> None:
    """A conversation of its own: the outcome, the rubric, what it looked at and said; nothing of how the work was done.

    It has tools that read, not web_search and web_fetch (the page on tools), and its earlier verdicts.
    """
    talk = start(model="claude-fake-1", system="A secret of the agent's.", tools=[TOOLSET])
    mark = f"mark-{talk.id}"
    work = f"bash echo {mark} > work.txt && echo how-it-was-done | text first words | text last words"
    look = 'tool read {"file_path":"/workspace/work.txt"}'
    revise = verdict("needs_revision", "a second line is missing")
    talk.send(outcome(work, look, revise, verdict("satisfied")))
    kinds = [each[0] for each in ended(talk.read_until("session.status_idle"))]
    assert kinds == ["needs_revision", "needs_revision", "satisfied"], "its script goes on behind its verdicts"
    records = httpx2.get(f"{provider}/_fake/requests", trust_env=False).json()
    asked = [each["body"] for each in records if mark in str(each["body"])]
    tools = {"read", "glob", "grep", "give_verdict"}
    graded = [each for each in asked if {tool["name"] for tool in each["tools"]} == tools]
    first, second, again = graded[:3]
    assert first["model"] == "claude-fake-1"
    assert "A secret of the agent's." not in str(graded)
    assert [each["role"] for each in first["messages"]] == ["user"]
    told = first["messages"][0]["content"][0]["text"]
    assert "Files are right." in told
    assert "first words" in told
    assert [each["role"] for each in second["messages"]] == ["user", "assistant", "user"]
    assert mark in str(second["messages"][2]["content"])
    assert [each["role"] for each in again["messages"]] == ["user", "assistant", "user"]
    assert "a second line is missing" in str(again["messages"][1]["content"])
    assert "last words" in again["messages"][0]["content"][0]["text"]
    agents = [each for each in asked if each not in graded]
    assert "a second line is missing" in str(agents[-1]["messages"][-1]["content"])
