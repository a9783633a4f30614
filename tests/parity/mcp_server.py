"""Real MCP servers in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_PROGRAM = Path(__file__).with_name("mcp_office.py")


class McpProcess(NamedTuple):
    url: str
    directory: Path

    def calls(self) -> list[str]:
        """What it was asked to do, in order."""
        log = self.directory / "calls"
        return log.read_text().splitlines() if log.exists() else []


@contextmanager
def mcp_process(directory: Path, *words: str) -> Iterator[McpProcess]:
    """It runs until the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, _PROGRAM, directory, *words]
    with (directory / "log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield McpProcess(process.stdout.readline().strip(), directory)
    finally:
        process.terminate()
        process.communicate()
