"""The stand-in for a model provider: the benchmark's scriptable server, as a real process."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FAKE_MODEL = Path(__file__).parents[2] / "bench" / "fakemodel" / "fakemodel.py"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """The URL of a running provider; it records the last requests."""
    port = free_port()
    process = subprocess.Popen([sys.executable, FAKE_MODEL, "--port", str(port), "--record", "100"])
    try:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
    raise RuntimeError("the provider did not start")
