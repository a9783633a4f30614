"""A history that nears the model's window is replaced by a summary, and the turn goes on."""

from collections.abc import Iterator

import pytest
from anthropic import Anthropic
from server import RunningServer, start_server

from .conversation import IDLE, REQUEST, RUNNING, Conversation, listening, types

pytestmark = pytest.mark.ours_only

SMALL = {
    "match": "small",
    "protocol": "scripted",
    "context_window": 2_000,
    "options": {"script": "lines"},
}
COMPACTION = ["span.model_request_start", "agent.thread_context_compacted", "span.model_request_end"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose model has room for about 8,000 characters."""
    with start_server(tmp_path_factory.mktemp("small"), models=[SMALL]) as server:
        yield server


@pytest.fixture
def session(small: RunningServer) -> Iterator[Conversation]:
    with Anthropic(base_url=small.url, api_key=small.api_key, _strict_response_validation=True) as client:
        agent = client.beta.agents.create(name="compacting", model="small")
        environment = client.beta.environments.create(name="compacting")
        made = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
        with listening(client, made.id) as conversation:
            yield conversation


def test_a_long_history_is_compacted_and_the_turn_goes_on(session: Conversation) -> None:
    """facts 8.16: `agent.thread_context_compacted`; its request has a span of its own, so that usage adds up."""
    first = session.turn("SCRIPT: text one\n" + "word " * 1_500)
    assert types(first) == [*RUNNING, "user.message", *REQUEST, *IDLE]
    second = session.turn("and now?")
    assert types(second) == [*RUNNING, "user.message", *COMPACTION, *REQUEST, *IDLE]
    ends = [event for event in [*first, *second] if event["type"] == "span.model_request_end"]
    usage = session.client.beta.sessions.retrieve(session.id).usage
    assert usage.input_tokens == sum(end["model_usage"]["input_tokens"] for end in ends)
    third = session.turn("and then?")
    assert types(third) == [*RUNNING, "user.message", *REQUEST, *IDLE], "the summary leaves room"
    assert ends[-1]["model_usage"]["input_tokens"] < ends[0]["model_usage"]["input_tokens"] / 4
