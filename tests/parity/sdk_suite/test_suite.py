"""The SDK's own tests of these resources, against a real server."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from server import RunningServer

from .proxy import serve_proxy
from .selection import FILES, LEFT_OUT, ROOT

pytestmark = pytest.mark.documented

LEAST = 500
"""So many tests are there to be run; fewer means that they were not found."""


async def test_own_tests_of_the_sdk(sources: Path, server: RunningServer, tmp_path: Path) -> None:
    """Every selected test passes; what is left out, and why, is said in `selection.py`."""
    report = tmp_path / "report.xml"
    left_out = [f"--deselect={node}" for entry in LEFT_OUT for node in entry.node_ids()]
    command = [
        sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junit-xml={report}",
        "-o", "addopts=-p tests._alias_httpx", *left_out, *(f"{ROOT}/{file}" for file in FILES),
    ]  # fmt: skip
    async with serve_proxy(server.url, server.api_key, "scripted") as url:
        environment = {**os.environ, "TEST_API_BASE_URL": url}
        suite = await asyncio.create_subprocess_exec(
            *command, cwd=sources, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await suite.communicate()
    (result,) = ElementTree.parse(report).iter("testsuite")
    counts = {key: int(result.attrib[key]) for key in ("tests", "failures", "errors", "skipped")}
    print(counts)
    assert suite.returncode == 0, output.decode()
    assert counts == {"tests": counts["tests"], "failures": 0, "errors": 0, "skipped": 0}
    assert counts["tests"] >= LEAST
