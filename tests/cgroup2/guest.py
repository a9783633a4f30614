"""What limits do on version 2 of control groups. Runs in the machine that vm.py boots; prints ALL OK at the end."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import Run, ShellResult

ROOT = Path("/sys/fs/cgroup")
USER = 54_321
_runs = itertools.count()


async def sh(boxes: LocalSandboxes, script: str, timeout: float = 300, box: str = "box") -> ShellResult:
    return await boxes.shell(box, script, run=Run(f"run-{next(_runs)}"), timeout=timeout, output_limit=10_000)


def kinds(result: ShellResult) -> list[str]:
    return [incident.kind for incident in result.incidents]


def groups() -> set[Path]:
    return {path for path in ROOT.rglob("*") if path.is_dir()}


async def check_the_doctor_calls_them_hard(boxes: LocalSandboxes) -> None:
    found = {check.name: check.status for check in await boxes.doctor()}
    assert [found[name] for name in ("memory", "cpus", "processes")] == ["ok"] * 3, found


async def check_a_memory_hog_dies_alone(boxes: LocalSandboxes) -> None:
    await sh(boxes, "kept=yes", box="neighbour")
    result = await sh(boxes, "x=1; head -c 300000000 /dev/zero | tail -c 299999999 | wc -c; echo after $x")
    assert result.output.endswith(b"after 1\n") and kinds(result) == ["out_of_memory"], result
    result = await sh(boxes, "echo $x")
    assert (result.output, result.restarted, result.incidents) == (b"1\n", False, ()), result
    result = await sh(boxes, "echo $kept", box="neighbour")
    assert (result.output, result.incidents) == (b"yes\n", ()), result


async def check_a_fork_bomb_is_cleared_away(boxes: LocalSandboxes) -> None:
    result = await sh(boxes, "bomb() { bomb | bomb & }; bomb; sleep 1000", timeout=20)
    assert result.exit_code is None and "too_many_processes" in kinds(result), result
    result = await sh(boxes, "ls -d /workspace")
    assert result.output == b"/workspace\n", result
    result = await sh(boxes, "for f in /proc/[0-9]*; do echo x; done | wc -l")
    assert int(result.output) < 12, result


async def check_processor_time_is_shared_out(boxes: LocalSandboxes) -> None:
    began = time.monotonic()
    script = "for i in 1 2; do timeout 10 sh -c 'while :; do :; done' & done; wait; times | tail -1"
    result = await sh(boxes, script)
    took = time.monotonic() - began
    stats = [(path / "cpu.stat").read_text() for path in groups() if path.name.startswith("journeyman-")]
    throttled = max(int(line.split()[1]) for stat in stats for line in stat.splitlines() if "nr_throttled" in line)
    assert throttled > 20, (result, stats, took)


async def check_nothing_is_left(boxes: LocalSandboxes, before: set[Path]) -> None:
    for name in ("box", "neighbour"):
        await boxes.destroy(name)
    left = {path for path in groups() - before if path.name != "journeyman-server"}
    assert not left, left


async def checks(data_dir: Path) -> None:
    before = groups()
    boxes = LocalSandboxes(data_dir, limits=Limits(memory=128 << 20, cpus=0.5, processes=64))
    todo: list[Callable[[LocalSandboxes], Awaitable[None]]] = [
        check_the_doctor_calls_them_hard,
        check_a_memory_hog_dies_alone,
        check_a_fork_bomb_is_cleared_away,
        check_processor_time_is_shared_out,
    ]
    for check in todo:
        began = time.monotonic()
        await check(boxes)
        print(f"ok {getattr(check, '__name__', 'check')} {time.monotonic() - began:.1f} s", flush=True)
    await check_nothing_is_left(boxes, before)
    await boxes.close()


def as_user(data_dir: Path) -> bool:
    """The checks once more as a user to whom a group was delegated, as systemd does it."""
    slice_ = ROOT / "user.slice"
    own = slice_ / "delegated"
    own.mkdir(parents=True)
    for group in (ROOT, slice_):
        (group / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    for path in (own, own / "cgroup.procs", own / "cgroup.subtree_control", own / "cgroup.threads"):
        os.chown(path, USER, USER)
    os.chown(data_dir, USER, USER)
    pid = os.fork()
    if pid == 0:
        (own / "cgroup.procs").write_text(str(os.getpid()))
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        asyncio.run(checks(data_dir))
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


for name in ("root", "user"):
    Path("/tmp", name).mkdir()
asyncio.run(checks(Path("/tmp/root")))
print("as a user", flush=True)
if as_user(Path("/tmp/user")):
    print("ALL OK")
sys.stdout.flush()
