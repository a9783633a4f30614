"""Ours beside floor and bound: the driver on `direct-sdk`, `stub` and `journeyman`, interleaved, medians of ratios.

    python bench/run.py [--rounds 3] [--measures abchge] [--turns 60] [--many 500] [--database-url URL]

direct-sdk is AsyncAnthropic streaming plus `bash -c`, with no server at all; stub is a server without validation,
sandbox or recovery. The scripted model server of `fakemodel/` answers all three.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import figures

from journeyman.sandboxes.local import LocalSandboxes

HERE = Path(__file__).parent
KEY = "bench-key"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="journeyman-bench-") as scratch, fake_model() as model:
        results: dict[str, list[dict[str, Any]]] = {"direct-sdk": [], "stub": [], "journeyman": []}
        for turn in range(options.rounds):
            for peer, found in results.items():
                place = Path(scratch) / f"{peer}-{turn}"
                measures = "".join(each for each in options.measures if each in "bc" or peer != "direct-sdk")
                result = _measure(peer, model, place, measures, options.sessions, options)
                if options.many and peer != "direct-sdk":
                    result["many"] = _measure(peer, model, place / "many", "c", options.many, options)["conc"]
                figures.complete(result)
                found.append(result)
    print(f"{_machine()}; {options.rounds} rounds.\n\n{figures.table(results)}")


def _machine() -> str:
    name = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    cores = f"{os.cpu_count()} × {name.partition(':')[2].strip()}"
    return f"{cores}, {memory:.0f} GiB, Linux {platform.release()}, Python {python}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--measures", default="abchge", help="letters of driver/perfdrive.py")
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--many", type=int, default=0, help="also with so many sessions at once, such as 500")
    parser.add_argument("--database-url", default="")
    return parser.parse_args()


@contextmanager
def fake_model() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, str(HERE / "fakemodel" / "fakemodel.py"), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_healthy(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _measure(
    peer: str, model: str, folder: Path, measures: str, sessions: int, options: argparse.Namespace
) -> dict[str, Any]:
    folder.mkdir(parents=True)
    out = folder / "result.json"
    port = free_port()
    adapter, command_line = launch(peer, model, folder, port, options)
    command = [
        sys.executable, str(HERE / "driver" / "perfdrive.py"), "--peer", adapter, "--label", peer, "--out", str(out),
        "--model", model, "--base", model if not command_line else f"http://127.0.0.1:{port}", "--api-key", KEY,
        "--measures", measures, "--turns", str(options.turns), "--sessions", str(sessions),
    ]  # fmt: skip
    if command_line:
        command += ["--launch", command_line]
    try:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    finally:
        asyncio.run(_destroy_sandboxes(folder / "data"))
    return json.loads(out.read_text())


async def _destroy_sandboxes(data_dir: Path) -> None:
    """They outlive their server by design."""
    if not data_dir.is_dir():
        return
    sandboxes = LocalSandboxes(data_dir)
    for found in await sandboxes.recover():
        await sandboxes.destroy(found.id)
    await sandboxes.close()


def launch(peer: str, model: str, folder: Path, port: int, options: argparse.Namespace) -> tuple[str, str]:
    """The driver's adapter for a peer, and the command that starts its server."""
    if peer == "direct-sdk":
        return "direct-sdk", ""
    if peer == "stub":
        stub = f"{sys.executable} {HERE / 'driver' / 'stub_cma.py'}"
        return "cma", f"exec {stub} --port {port} --model {model} --db {folder / 'stub.db'}"
    config = folder / "journeyman.toml"
    database = f'[database]\nurl = "{options.database_url}"\n' if options.database_url else ""
    config.write_text(
        f'[server]\nport = {port}\ndata_dir = "{folder / "data"}"\napi_keys = ["{KEY}"]\n'
        f"rate_limit_creates = 0\nrate_limit_reads = 0\n{database}"
        f'[[models]]\nmatch = "claude-*"\nprotocol = "anthropic"\nbase_url = "{model}"\napi_key = "x"\n'
    )
    return "cma", f"exec {Path(sys.executable).parent / 'journeyman'} serve --config {config}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_healthy(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    main()
