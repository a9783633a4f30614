"""Installed with pip where no repository is near: `make soak`, as it takes a minute and loads what it depends on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from anthropic import Anthropic
from cli.command import Home

from release.wheel import build_wheel


@pytest.fixture
def installed(home: Home, tmp_path: Path) -> Iterator[Home]:
    """A home whose `journeyman` is in a fresh virtual environment, with every extra."""
    wheel = build_wheel(tmp_path / "dist")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[docker,openai]"]
    subprocess.run([venv / "bin" / "python", *install], cwd=tmp_path, check=True)
    yield replace(home, command=venv / "bin" / "journeyman")


def test_doctor_demo_and_a_session_on_the_server(installed: Home) -> None:
    examined = installed.run("doctor")
    assert (examined.returncode, "FAIL" in examined.stdout) == (0, False), examined.stdout
    played = installed.run("demo")
    assert "It works" in played.stdout, played.stderr
    with installed.serving() as server:
        url, key = server.exported()
        with Anthropic(base_url=url, api_key=key) as client:
            agent = client.beta.agents.create(name="a", model="demo", tools=[{"type": "agent_toolset_20260401"}])
            environment = client.beta.environments.create(name="e")
            session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
            with client.beta.sessions.events.stream(session.id) as stream:
                content = [{"type": "text", "text": "the first 20 Fibonacci numbers"}]
                client.beta.sessions.events.send(session.id, events=[{"type": "user.message", "content": content}])  # pyright: ignore
                events: list[str] = []
                for event in stream:
                    events.append(event.model_dump_json())
                    if event.type == "session.status_idle":
                        break
            results = [json.loads(each) for each in events if '"agent.tool_result"' in each]
            assert any("4181" in json.dumps(each["content"]) for each in results), events
