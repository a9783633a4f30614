"""The SDK's own examples, unchanged, against this server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from server import RunningServer

pytestmark = pytest.mark.documented

SECONDS = 60


@pytest.mark.parametrize("name", ["agents.py", "agents_with_files.py"])
def test_an_example(sources: Path, server: RunningServer, name: str) -> None:
    """facts 10.2: each sends before it opens its stream, and reads to the first `session.status_idle`."""
    settings = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": server.api_key}
    example = subprocess.run(
        [sys.executable, sources / "examples" / name],
        env={**os.environ, **settings}, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert example.returncode == 0, example.stderr
    printed = [line.strip() for line in example.stdout.splitlines()]
    assert {"Created environment", "Created agent", "Created session"} <= {line.split(":")[0] for line in printed}
    types = [line.split('"')[3] for line in printed if line.startswith('"type": "') and "." in line]
    assert types.count("agent.message") == 1
    assert types[-1] == "session.status_idle"
