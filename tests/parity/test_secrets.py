"""Credentials of type environment_variable in sessions: used by the agent, never seen by it (the page on vaults)."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from server import RunningServer, start_server

from .conversation import TOOLSET, Conversation, listening

pytestmark = pytest.mark.documented
SECRET, ROTATED = "planted-secret-value", "planted-rotated-value"
_NAMES = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


@dataclass
class Site:
    """A site of the internet, as the sandboxes of these tests know it: what its clients have sent as X-Key."""

    port: int = 0
    keys: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def asked(self, host: str) -> Sequence[str]:
        return [key for name, key in self.keys if name == f"{host}:{self.port}"]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.keys.append((self.headers["Host"], self.headers["X-Key"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"welcome\n")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        made.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, sandbox_section: dict[str, dict[str, Any]]
) -> Iterator[RunningServer]:
    """One for which api.test and other.test are at that site."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give the server names of its own")
    directory: Path = tmp_path_factory.mktemp("secrets")
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost api.test other.test\n")
    within = ["unshare", "--mount", "sh", "-c", _NAMES, "sh", str(hosts)]
    reached = {"allow_private": ["api.test", "other.test"]}
    with start_server(directory, within=within, egress=reached, **sandbox_section) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Anthropic]:
    with Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def credential(client: Anthropic) -> tuple[str, str]:
    """A vault and a credential for api.test in it."""
    vault = client.beta.vaults.create(display_name="one").id
    auth: Any = {
        "type": "environment_variable",
        "secret_name": "SERVICE_TOKEN",
        "secret_value": SECRET,
        "networking": {"type": "limited", "allowed_hosts": ["api.test"]},
    }
    return vault, client.beta.vaults.credentials.create(vault, auth=auth).id


def session(client: Anthropic, vault: str, **config: Any) -> str:
    environment = client.beta.environments.create(name="one", config={"type": "cloud", **config})
    agent = client.beta.agents.create(name="actor", model="scripted", tools=[TOOLSET])  # pyright: ignore
    return client.beta.sessions.create(agent=agent.id, environment_id=environment.id, vault_ids=[vault]).id


def result(talk: Conversation, script: str) -> str:
    """What a shell command said."""
    talk.say(f"SCRIPT: bash {script} | text done")
    events = talk.read_until("agent.tool_result")
    talk.read_until("session.status_idle")
    return "".join(block["text"] for block in events[-1]["content"])


def get(site: Site, host: str) -> str:
    return f'curl -sS -m 10 -H "X-Key: $SERVICE_TOKEN" http://{host}:{site.port}/'


def test_used_and_not_seen(client: Anthropic, server: RunningServer, site: Site, credential: tuple[str, str]) -> None:
    """The site of the credential gets the secret, another one gets what stands for it; it is nowhere else."""
    with listening(client, session(client, credential[0])) as talk:
        said = result(talk, f"printenv SERVICE_TOKEN; {get(site, 'api.test')}; {get(site, 'other.test')}")
        placeholder, *welcome = said.split()
        assert welcome == ["welcome", "welcome"]
        inside = result(talk, f"grep -rls {SECRET[:-1]}'[e]' /proc/[0-9]*/environ /workspace /tmp /root /run; env")
    assert site.asked("api.test")[-1] == SECRET
    assert site.asked("other.test")[-1] == placeholder
    assert placeholder.startswith("placeholder-")
    assert SECRET not in inside
    assert SECRET not in str(client.beta.sessions.events.list(talk.id, limit=1000).to_dict())
    files = [path for path in server.data_dir.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 10
    assert not [path for path in files if path.suffix != ".img" and SECRET.encode() in path.read_bytes()]


def test_rotated_while_a_command_runs(client: Anthropic, site: Site, credential: tuple[str, str]) -> None:
    """The page on vaults: without a restart. The command ends once the site has seen the new secret."""
    vault, credential_id = credential
    with listening(client, session(client, vault)) as talk:
        result(talk, get(site, "api.test"))
        talk.say(f"SCRIPT: bash while sleep 0.2; do {get(site, 'api.test')}; done | text done")
        talk.read_until("agent.tool_use")
        before = len(site.asked("api.test"))
        auth: Any = {"type": "environment_variable", "secret_value": ROTATED}
        client.beta.vaults.credentials.update(credential_id, vault_id=vault, auth=auth)
        assert wait_for(site, ROTATED) > before
        client.beta.vaults.credentials.archive(credential_id, vault_id=vault)
        wait_for(site, "placeholder-")
        client.beta.sessions.events.send(talk.id, events=[{"type": "user.interrupt"}])
        talk.read_until("session.status_idle")


def wait_for(site: Site, beginning: str) -> int:
    """Until the site has been asked with such a key; how often it was asked in all."""
    ended = threading.Event()
    for _ in range(300):
        keys = site.asked("api.test")
        if keys[-1].startswith(beginning):
            return len(keys)
        ended.wait(0.1)
    raise AssertionError(f"never asked with {beginning}")


def test_a_host_that_the_environment_does_not_permit(
    client: Anthropic, site: Site, credential: tuple[str, str]
) -> None:
    """facts 8.15: an error that names the credential and the vault, once; the turn goes on."""
    networking = {"type": "limited", "allowed_hosts": ["other.test"]}
    vault, credential_id = credential
    with listening(client, session(client, vault, networking=networking)) as talk:
        events = talk.turn("SCRIPT: text hello")
        [error] = [event["error"] for event in events if event["type"] == "session.error"]
        assert "api.test" in error.pop("message")
        assert error == {
            "type": "credential_host_unreachable_error", "credential_id": credential_id, "vault_id": vault,
            "retry_status": {"type": "exhausted"},
        }  # fmt: skip
        assert events[-1]["stop_reason"]["type"] == "end_turn"
        again = talk.turn("SCRIPT: text again")
        assert not [event for event in again if event["type"] == "session.error"]
