"""Limits on what a process does at once: model requests and tool runs, with the real server."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from parity.conversation import IDLE, RUNNING, TOOLSET, Conversation, listening, one, only, types
from server import start_server

Span = tuple[float, float]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anthropic]:
    """Of a server that does two model requests and one tool run at once."""
    directory: Path = tmp_path_factory.mktemp("limits")
    limits = {"model_requests": 2, "tool_runs": 1}
    with (
        start_server(directory, limits=limits) as server,
        Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client,
    ):
        yield client


def sessions(client: Anthropic, number: int, **agent: Any) -> list[str]:
    made = client.beta.agents.create(**{"name": "limited", "model": "scripted", **agent})
    environment = client.beta.environments.create(name="limited")
    return [client.beta.sessions.create(agent=made.id, environment_id=environment.id).id for _ in range(number)]


def run_all(client: Anthropic, ids: list[str], script: str) -> list[Conversation]:
    """Say it to all of them, and wait until all are idle."""
    found: list[Conversation] = []
    for each in ids:
        said = Conversation(client, each, iter(()))
        said.say(script)
        found.append(said)
    for each in found:
        with listening(client, each.id) as rest:
            if each.status() != "idle" or not only(each.listed(), "session.status_idle"):
                rest.read_until("session.status_idle")
    return found


def overlap(spans: list[Span]) -> int:
    """How many there are at once, at most."""
    moments = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def test_no_more_model_requests_than_configured(client: Anthropic) -> None:
    ran = run_all(client, sessions(client, 6), "SCRIPT: {ttft=0.3} text hi")
    spans: list[Span] = []
    for each in ran:
        events = each.listed()
        assert one(events, "agent.message")
        times = [one(events, f"span.model_request_{end}")["processed_at"] for end in ("start", "end")]
        start, end = (datetime.fromisoformat(time).timestamp() for time in times)
        spans.append((start, end))
    assert overlap(spans) == 2


def test_no_more_tool_runs_than_configured(client: Anthropic) -> None:
    ids = sessions(client, 3, tools=[TOOLSET])
    ran = run_all(client, ids, "SCRIPT: bash date +%s%N && bash sleep 0.2; date +%s%N | text done")
    spans: list[Span] = []
    for each in ran:
        results = only(each.listed(), "agent.tool_result")
        said = [int(result["content"][0]["text"]) for result in results]
        spans += [(end - 200_000_000, end) for _, end in pairwise(said)]
    assert len(spans) == 3
    assert overlap(spans) == 1


def test_an_interrupt_ends_the_wait_for_a_slot(client: Anthropic) -> None:
    busy = sessions(client, 2)
    (waiting,) = sessions(client, 1)
    for each in busy:
        with listening(client, each) as stream:
            stream.say("SCRIPT: {ttft=60} text never")
            stream.read_until("span.model_request_start")
    with listening(client, waiting) as stream:
        stream.say("hello")
        stream.read_until("user.message")
        stream.send({"type": "user.interrupt"})
        stream.read_until("session.status_idle")
        assert types(stream.streamed) == [*RUNNING, "user.message", "user.interrupt", *IDLE]
    for each in busy:
        with listening(client, each) as stream:
            stream.send({"type": "user.interrupt"})
            stream.read_until("session.status_idle")
