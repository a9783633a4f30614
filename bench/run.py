"""Ours beside floor and bound: the driver on `direct-sdk`, `stub` and `journeyman`, interleaved, medians of ratios.

    python bench/run.py [--rounds 3] [--measures abch] [--turns 60] [--database-url URL]

direct-sdk is AsyncAnthropic streaming plus `bash -c`, with no server at all; stub is a server without validation,
sandbox or recovery. The scripted model server of `fakemodel/` answers all three.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from journeyman.sandboxes.local import LocalSandboxes

HERE = Path(__file__).parent
KEY = "bench-key"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="journeyman-bench-") as scratch, fake_model() as model:
        results: dict[str, list[dict[str, Any]]] = {"direct-sdk": [], "stub": [], "journeyman": []}
        for turn in range(options.rounds):
            for peer, found in results.items():
                found.append(_measure(peer, model, Path(scratch) / f"{peer}-{turn}", options))
    print(_table(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--measures", default="abch", help="letters of driver/perfdrive.py")
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=100)
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


def _measure(peer: str, model: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir(parents=True)
    out = folder / "result.json"
    port = free_port()
    adapter, command_line = launch(peer, model, folder, port, options)
    command = [
        sys.executable, str(HERE / "driver" / "perfdrive.py"), "--peer", adapter, "--label", peer, "--out", str(out),
        "--model", model, "--base", model if not command_line else f"http://127.0.0.1:{port}", "--api-key", KEY,
        "--measures", options.measures, "--turns", str(options.turns), "--sessions", str(options.sessions),
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


def _table(results: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown: each figure's median over the rounds, with its ratio to direct-sdk (median of the rounds' ratios)."""
    lines = ["| measure | direct-sdk | stub | journeyman |", "|---|---|---|---|"]
    for name, path in _FIGURES.items():
        row = [_cell(results[peer], results["direct-sdk"], path) for peer in results]
        lines.append("| " + " | ".join([name, *row]) + " |")
    return "\n".join(lines)


_FIGURES = {
    "text: first event, ms": "single.text.first.p50",
    "text: idle, ms": "single.text.idle.p50",
    "1 tool: idle, ms": "single.tool1.idle.p50",
    "each further tool, ms": "single.per_tool_round_trip.p50",
    "text turns/s, many sessions": "conc.text.turns_per_s",
    "1-tool turns/s, many sessions": "conc.tool1.turns_per_s",
    "CPU ms a text turn": "conc.text.server_cpu_ms_per_turn",
    "CPU ms a 1-tool turn": "conc.tool1.server_cpu_ms_per_turn",
    "failed text turns": "conc.text.failed",
    "failed 1-tool turns": "conc.tool1.failed",
    "session creates/s, serial": "create.serial.per_s",
    "session creates/s, 16 at once": "create.concurrent16.per_s",
    "start to first 200, ms": "cold.p50",
    "idle memory, MiB": "rss_idle_mib",
    "KiB a session that ran": "memory.kib_per_session_run",
}


def _cell(mine: list[dict[str, Any]], bound: list[dict[str, Any]], path: str) -> str:
    values = [_figure(result, path) for result in mine]
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    pairs = zip(values, (_figure(result, path) for result in bound), strict=True)
    ratios = [value / base for value, base in pairs if value is not None and base]
    text = f"{statistics.median(known):.1f}"
    return f"{text} ({statistics.median(ratios):.2f}×)" if ratios else text


def _figure(result: dict[str, Any], path: str) -> float | None:
    value: Any = result
    for key in path.split("."):
        if key == "failed":
            return value["turns"] - value["ok"]
        if not isinstance(value, dict) or value.get(key) is None:
            return None
        value = value[key]
    return float(value)


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
