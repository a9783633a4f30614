"""The local sandbox: starts, calls, density. Figures beside what its design reached on the machine it was made on.

python bench/sandbox.py [--runtime runsc] [--starts 40] [--calls 300] [--idle 200]
"""

import argparse
import asyncio
import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.port import Run

_runs = itertools.count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", default="runc", help="runc, or runsc (gVisor)")
    parser.add_argument("--starts", type=int, default=40)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--idle", type=int, default=200, help="how many idle sandboxes stand at once; 0 leaves it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="journeyman-bench-") as scratch:
        found = asyncio.run(_measure(Path(scratch), options))
    print("| measure | here | sandbox.md |\n|---|---|---|")
    for name, design in _DESIGN.items():
        if name in found:
            print(f"| {name} | {found[name]} | {design} |")


_DESIGN = {
    "cold start to first output, p50 / p95 ms": "36 / 43; target p95 60",
    "start from stopped, p50 / p95 ms": "",
    "stop that keeps the shells, p50 / p95 ms": "delete alone 109",
    "shell builtin, p50 / p95 ms": "0.03",
    "exec of true, p50 / p95 ms": "runc exec 25",
    "read 1 KiB, p50 / p95 ms": "0.009",
    "write 1 KiB, p50 / p95 ms": "",
    "idle sandbox: processes, KiB (PSS)": "",
    "idle sandbox: kernel, KiB": "",
    "all idle sandboxes, MiB": "about 1 MB each; 200 in 400 MB",
    "all idle sandboxes, MiB less available": "",
}


async def _measure(place: Path, options: argparse.Namespace) -> dict[str, str]:
    boxes = LocalSandboxes(place, runtime=options.runtime)
    try:
        return (
            await _starts(boxes, options.starts) | await _calls(boxes, options.calls) | await _idle(boxes, options.idle)
        )
    finally:
        await asyncio.gather(*(boxes.destroy(info.id) for info in await boxes.inventory()))
        await boxes.close()


async def _sh(boxes: LocalSandboxes, name: str, script: str = "echo") -> None:
    result = await boxes.shell(name, script, run=Run(f"run-{next(_runs)}"), timeout=30, output_limit=1000)
    assert result.exit_code == 0, result


async def _starts(boxes: LocalSandboxes, count: int) -> dict[str, str]:
    cold: list[float] = []
    stops: list[float] = []
    again: list[float] = []
    await _sh(boxes, "first")  # makes what all share
    for number in range(count):
        name = f"start-{number}"
        cold.append(await _timed(lambda name=name: _sh(boxes, name)))
        stops.append(await _timed(lambda name=name: boxes.stop(name)))
        again.append(await _timed(lambda name=name: _sh(boxes, name)))
        await boxes.destroy(name)
    return {
        "cold start to first output, p50 / p95 ms": _spread(cold),
        "start from stopped, p50 / p95 ms": _spread(again),
        "stop that keeps the shells, p50 / p95 ms": _spread(stops),
    }


async def _calls(boxes: LocalSandboxes, count: int) -> dict[str, str]:
    data = b"x" * 1024

    async def write() -> None:
        await boxes.write("first", "file", data, run=Run(f"write-{next(_runs)}"), note="")

    async def exec_true() -> None:
        await boxes.exec("first", ["true"])

    async def read() -> None:
        await boxes.read("first", "file", limit=2048)

    work: dict[str, Callable[[], Awaitable[None]]] = {
        "shell builtin": lambda: _sh(boxes, "first", ":"),
        "exec of true": exec_true,
        "write 1 KiB": write,
        "read 1 KiB": read,
    }
    found: dict[str, str] = {}
    for name, call in work.items():
        await call()
        found[f"{name}, p50 / p95 ms"] = _spread([await _timed(call) for _ in range(count)])
    return found


async def _idle(boxes: LocalSandboxes, count: int) -> dict[str, str]:
    if not count:
        return {}
    available, kernel = _memory("MemAvailable"), _kernel()
    for number in range(count):
        await _sh(boxes, f"idle-{number}", "cd /tmp; export A=1")
    pids = [info.pid for info in await boxes.inventory() if info.id.startswith("idle-") and info.pid]
    own = sum(_pss(pid) for root in pids for pid in _tree(root))
    kernel = _kernel() - kernel
    return {
        "idle sandbox: processes, KiB (PSS)": f"{own / count:.0f}",
        "idle sandbox: kernel, KiB": f"{kernel / count:.0f}",
        "all idle sandboxes, MiB": f"{(own + kernel) / 1024:.0f} ({count})",
        "all idle sandboxes, MiB less available": f"{(available - _memory('MemAvailable')) / 1024:.0f} ({count})",
    }


async def _timed(call: Callable[[], Awaitable[None]]) -> float:
    """In milliseconds."""
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} / {sorted(values)[int(len(values) * 0.95)]:.2f}"


def _memory(field: str) -> int:
    """KiB of /proc/meminfo."""
    found = re.search(rf"^{field}:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _kernel() -> int:
    """What cannot be given back: the dentries that every start leaves in the cache are not counted."""
    return sum(_memory(field) for field in ("SUnreclaim", "KernelStack", "PageTables", "Percpu"))


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _pss(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
