"""What an environment makes of a session's computer (facts 6.4, 12.4; the page on environments)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from mirrors import private_registries
from server import RunningServer, start_server

from .conversation import TOOLSET, Conversation, listening

BROKEN = {"pip": ["no-such-package-in-the-world"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory: Path = tmp_path_factory.mktemp("environments")
    with start_server(directory, egress={"allow_private": private_registries()}) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Anthropic]:
    with Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client:
        yield client


def session(client: Anthropic, **config: Any) -> str:
    environment = client.beta.environments.create(name="one", config={"type": "cloud", **config})
    agent = client.beta.agents.create(name="actor", model="scripted", tools=[TOOLSET])  # pyright: ignore
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id).id


def result(talk: Conversation, script: str) -> str:
    """What a shell command said."""
    talk.say(f"SCRIPT: bash {script} | text done")
    events = talk.read_until("agent.tool_result")
    talk.read_until("session.status_idle")
    return "".join(block["text"] for block in events[-1]["content"])


@pytest.mark.validated
def test_limited_networking_answers_403(client: Anthropic) -> None:
    """facts 12.4: a refused host is an HTTP 403, curl's own exit code 0."""
    networking = {"type": "limited", "allowed_hosts": ["allowed.test"]}
    with listening(client, session(client, networking=networking)) as talk:
        said = result(talk, "curl -sS -o /tmp/said -w '%{http_code}' https://other.test/ && cat /tmp/said")
    assert said.startswith("403") and "other.test" in said and "config.networking.allowed_hosts" in said


@pytest.mark.documented
def test_packages_are_there_from_the_start(client: Anthropic, server: RunningServer) -> None:
    """They are installed as soon as there is a session that needs them, before anything is said."""
    made = session(client, packages={"pip": ["six"]})
    deadline = time.monotonic() + 60
    while not list(server.data_dir.glob("sandboxes/layers/env-*/layer.json")):
        assert time.monotonic() < deadline, "nothing was installed"
        time.sleep(0.1)
    with listening(client, made) as talk:
        talk.say("SCRIPT: bash python3 -c 'import six; print(six.__name__)' | text done")
        event = talk.read_until("agent.tool_result", "session.error")[-1]
    assert event["content"] == [{"type": "text", "text": "six\n"}]


@pytest.mark.ours_only
def test_a_package_that_fails_is_a_session_error(client: Anthropic) -> None:
    """It names the manager and the package; nothing was asked of the model, and a new message tries again."""
    with listening(client, session(client, packages=BROKEN)) as talk:
        for _ in range(2):
            talk.say("SCRIPT: text never")
            events = talk.read_until("session.status_idle")
            [error] = [event["error"] for event in events if event["type"] == "session.error"]
            assert (error["type"], error["retry_status"]["type"]) == ("unknown_error", "exhausted")
            assert "pip could not install no-such-package-in-the-world" in error["message"]
            assert events[-1]["stop_reason"]["type"] == "retries_exhausted"
            assert "span.model_request_start" not in [event["type"] for event in events]
