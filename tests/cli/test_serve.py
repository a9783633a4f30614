import asyncio
import http.client
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from anthropic import Anthropic

from cli.command import Home
from journeyman.sandboxes.local import LocalSandboxes

_HEADERS = {"anthropic-version": "2023-06-01", "anthropic-beta": "managed-agents-2026-04-01"}


def test_says_what_a_client_needs(home: Home) -> None:
    with home.serving() as server:
        url, key = server.exported()
        assert url == server.url
        assert (home.data_dir / "api_key").read_text().strip() == key
        assert str(home.data_dir / "api_key") in server.greeting
        with Anthropic(base_url=url, api_key=key) as client:
            assert "demo" in [model.id for model in client.models.list()]


def test_a_key_is_shown_once_and_still_found_later(home: Home) -> None:
    with home.serving() as server:
        _, first = server.exported()
        assert first in server.greeting
    with home.serving() as server:
        assert first not in server.greeting
        assert server.exported() == (server.url, first)


def test_server_json_is_there_while_it_runs(home: Home) -> None:
    file = home.data_dir / "server.json"
    with home.serving() as server:
        assert json.loads(file.read_text()) == {"url": server.url, "pid": server.process.pid}
    assert not file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_open_streams_and_the_server(home: Home, number: signal.Signals) -> None:
    with home.serving() as server:
        url, key = server.exported()
        session_id = _session(url, key)
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("GET", f"/v1/sessions/{session_id}/events/stream", headers={**_HEADERS, "x-api-key": key})
        stream = connection.getresponse()
        assert stream.status == 200
        server.process.send_signal(number)
        assert stream.read().strip() in (b"", b":")  # a cut stream would raise IncompleteRead
        out, err = server.process.communicate(timeout=30)
        assert (server.process.returncode, out, err) == (0, "", "")


def test_the_port_is_in_use(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = home.run("serve", "--port", str(port))
    _is_one_line(done, f"Port {port} on 127.0.0.1 is in use")


def test_the_data_directory_is_in_use(home: Home) -> None:
    with home.serving():
        _is_one_line(home.run("serve", "--port", "0"), f"Another Journeyman server works on {home.data_dir}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nport = 99999\n", "server.port: input should be less than or equal to 65535"),
        ("[server]\nprot = 1\n", "server.prot: there is no such setting; did you mean server.port?"),
        ("[server\n", "journeyman.toml is not valid TOML"),
        ('[[models]]\nmatch = "x"\n', "models.0.protocol: field required"),
        ('[database]\nurl = "oracle://x"\n', "database URL must begin with sqlite:/// or postgresql://"),
    ],
)
def test_a_wrong_configuration(home: Home, text: str, complaint: str) -> None:
    (home.path / "journeyman.toml").write_text(text)
    _is_one_line(home.run("serve"), complaint)


def test_a_configuration_file_that_is_not_there(home: Home) -> None:
    _is_one_line(home.run("serve", "--config", "other.toml"), "There is no configuration file other.toml")


def test_a_wrong_variable(home: Home) -> None:
    odd = Home(home.path, {"JOURNEYMAN_SERVER__PORT": "many"})
    _is_one_line(odd.run("serve"), "server.port: input should be a valid integer")


def test_a_mistyped_variable(home: Home) -> None:
    foreign = {"JOURNEYMAN_PORT": "tcp://10.0.0.1:80", "JOURNEYMAN_SERVICE_HOST": "10.0.0.1", "JOURNEYMAN_KEY": "k"}
    (home.path / "journeyman.toml").write_text('[search]\napi_key_env = "JOURNEYMAN_KEY"\n')
    assert Home(home.path, foreign).run("keys", "list").returncode == 0
    odd = Home(home.path, {**foreign, "JOURNEYMAN_SERVR__PORT": "9000"})
    _is_one_line(
        odd.run("serve"),
        "There is no setting for the variable JOURNEYMAN_SERVR__PORT; did you mean JOURNEYMAN_SERVER__PORT?",
    )


def test_the_database_cannot_be_reached(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = home.run("serve", "--port", "0", "--database-url", f"postgresql://user:secret@127.0.0.1:{port}/db")
    _is_one_line(done, "The database does not answer")
    assert "secret" not in done.stderr


def test_the_data_directory_cannot_be_made(home: Home) -> None:
    (home.path / "file").touch()
    _is_one_line(home.run("serve", "--port", "0", "--data-dir", home.path / "file" / "data"), "Not a directory")


def test_a_killed_server_leaves_nothing_that_stops_the_next(home: Home) -> None:
    with home.serving() as server:
        server.process.kill()
        server.process.wait()
        assert (home.data_dir / "server.json").exists()
    with home.serving() as server:
        assert json.loads((home.data_dir / "server.json").read_text())["pid"] == server.process.pid


def test_sandboxes_that_a_server_left_are_ended(home: Home) -> None:
    """They outlive it; a command ends them, but not under a server that works with them."""
    sandboxes = LocalSandboxes(home.data_dir)

    def running() -> list[str]:
        return [each.id for each in asyncio.run(sandboxes.inventory()) if each.state == "running"]

    (home.path / "journeyman.toml").write_text(
        '[[models]]\nmatch = "scripted"\nprotocol = "scripted"\noptions = {script = "lines"}\n'
    )
    with home.serving() as server:
        url, key = server.exported()
        with Anthropic(base_url=url, api_key=key) as client:
            tools: Any = [{"type": "agent_toolset_20260401"}]
            agent = client.beta.agents.create(name="a", model="scripted", tools=tools)
            environment = client.beta.environments.create(name="e", config={"type": "cloud"})
            session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
            said: Any = {"type": "user.message", "content": [{"type": "text", "text": "SCRIPT: bash pwd | text done"}]}
            with client.beta.sessions.events.stream(session.id) as stream:
                client.beta.sessions.events.send(session.id, events=[said])
                assert any(event.type == "session.status_idle" for event in stream)
        _is_one_line(home.run("sandboxes", "stop"), "Another Journeyman server works on")
    assert running() == [session.id]
    assert home.run("sandboxes", "stop").stdout == "Stopped 1; their files are kept.\n"
    assert running() == []


def test_files_are_for_their_owner_only(home: Home) -> None:
    with home.serving():
        assert _mode(home.data_dir) == 0o700
        assert _mode(home.data_dir / "api_key") == 0o600


def _session(url: str, key: str) -> str:
    with Anthropic(base_url=url, api_key=key) as client:
        agent = client.beta.agents.create(name="a", model="demo")
        environment = client.beta.environments.create(name="e")
        return client.beta.sessions.create(agent=agent.id, environment_id=environment.id).id


def _is_one_line(done: subprocess.CompletedProcess[str], complaint: str) -> None:
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
