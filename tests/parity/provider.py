"""A model provider over HTTP: the benchmark's scriptable server as a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = Path(__file__).parents[2] / "bench" / "fakemodel" / "fakemodel.py"
_SECONDS = 20.0


@contextmanager
def start_provider() -> Iterator[str]:
    """Its URL; `/_fake/requests` tells what it was asked. Raises RuntimeError when it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, _PROGRAM, "--port", str(port), "--record", "100"])
    try:
        deadline = time.monotonic() + _SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The provider did not start.")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
