"""Clients of the shared server, and what sessions need."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from server import RunningServer

from .conversation import Conversation, listening
from .sources import sdk_sources

MANAGED = "managed-agents-2026-04-01"

Converse = Callable[..., Conversation]


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Iterator[Anthropic]:
    """The official client; it refuses every answer that does not have its documented shape."""
    with Anthropic(
        base_url=server.url, api_key=server.api_key, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture(scope="session")
def bare(server: RunningServer) -> Iterator[httpx2.Client]:
    """Plain HTTP without any of the headers that a client sends."""
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def http(server: RunningServer) -> Iterator[httpx2.Client]:
    """Plain HTTP with key, version and beta."""
    headers = {"x-api-key": server.api_key, "anthropic-version": "2023-06-01", "anthropic-beta": MANAGED}
    with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def environment_id(client: Anthropic) -> str:
    return client.beta.environments.create(name="shared").id


@pytest.fixture(scope="session")
def agent_id(client: Anthropic) -> str:
    """An agent on the scripted model, without tools."""
    return client.beta.agents.create(name="shared", model="scripted").id


@pytest.fixture
def converse(client: Anthropic, environment_id: str) -> Iterator[Converse]:
    """Makes a session of a new agent with these fields, and listens to it."""
    with ExitStack() as stack:

        def start(*, previews: list[str] | None = None, **agent: Any) -> Conversation:
            made = client.beta.agents.create(**{"name": "actor", "model": "scripted", **agent})
            session = client.beta.sessions.create(agent=made.id, environment_id=environment_id)
            query = {"event_deltas": previews} if previews else {}
            return stack.enter_context(listening(client, session.id, **query))

        yield start


@pytest.fixture(scope="session")
def sources(pytestconfig: pytest.Config) -> Path:
    """The SDK's sources, kept in pytest's cache."""
    return sdk_sources(pytestconfig.cache.mkdir("anthropic-sources"))
