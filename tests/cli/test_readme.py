"""What the README shows works as it stands there."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.command import Home, Served

_README = Path(__file__).parents[2] / "README.md"
_SECONDS = 90


def test_the_five_steps_with_the_sdk(home: Home) -> None:
    script = _block("python", "from anthropic import Anthropic")
    with home.serving() as server, _client([sys.executable, "-uc", script], server) as client:
        assert client.stdout is not None
        shown = client.stdout.read()
        assert client.wait() == 0
    assert "[bash]" in shown
    assert "4181" in shown


def test_the_same_with_curl(home: Home) -> None:
    with home.serving() as server, _client(["bash", "-c", f"{_block('sh', '/v1/sessions')}\nwait"], server) as client:
        assert client.stdout is not None
        # The stream stays open: read it until the agent is done.
        shown: list[str] = []
        for line in client.stdout:
            shown.append(line)
            if line.startswith("event: session.status_idle"):
                break
    assert any(line.startswith("event: agent.tool_result") for line in shown)
    assert any("4181" in line for line in shown)


def test_the_configuration_is_accepted(home: Home) -> None:
    (home.path / "journeyman.toml").write_text(_block("toml", "[server]"))
    done = Home(home.path, {"ANTHROPIC_API_KEY": "sk-theirs"}).run("doctor")
    assert "FAIL" not in done.stdout
    assert "qwen* (openai at http://127.0.0.1:11434/v1)" in done.stdout


def _block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", _README.read_text(), re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return block


@contextmanager
def _client(command: list[str], server: Served) -> Iterator[subprocess.Popen[str]]:
    """A program of a client's, in the surroundings that `serve` tells a client to have; ended on leaving."""
    url, key = server.exported()
    variables = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key}
    client = subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    watchdog = threading.Timer(_SECONDS, os.killpg, (client.pid, signal.SIGKILL))
    watchdog.start()
    try:
        yield client
    finally:
        watchdog.cancel()
        if client.poll() is None:
            os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
