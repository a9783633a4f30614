"""What belongs to the local provider alone: where it works, what it says when it does not, and when it stops."""

import asyncio
import os
from pathlib import Path

import pytest

from journeyman.egress.identity import identify
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.local.probe import filesystem_of
from journeyman.sandboxes.port import Run, SandboxUnavailable, UnknownOutcome

pytestmark = pytest.mark.anyio


async def test_any_path_will_do(tmp_path: Path) -> None:
    """As root a closed directory above, and characters of mount options, do not matter."""
    name = "closed, with: odd\\ 'characters'" if os.geteuid() == 0 else "plain name"
    data_dir = tmp_path / name / "data"
    data_dir.parent.mkdir(mode=0o700)
    boxes = LocalSandboxes(data_dir)
    result = await boxes.shell("box", "echo >/etc/x; ls /usr/bin/env", run=fresh_run(), timeout=10, output_limit=100)
    assert result.output == b"/usr/bin/env\n"
    await boxes.destroy("box")
    await boxes.close()


async def test_a_strict_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        boxes = LocalSandboxes(tmp_path / "made" / "data")
        script = "stat -c %a / /etc /etc/ssl /workspace /tmp; cat /etc/ssl/openssl.cnf | wc -l"
        result = await boxes.shell("box", script, run=fresh_run(), timeout=10, output_limit=100)
        assert result.output.split()[:5] == [b"755"] * 4 + [b"1777"]
        assert int(result.output.split()[5]) > 0
        await boxes.destroy("box")
        await boxes.close()
    finally:
        os.umask(before)


async def test_the_doctor_finds_nothing_wrong(boxes: LocalSandboxes) -> None:
    checks = await boxes.doctor()
    assert [check for check in checks if check.status == "fail"] == []
    assert [check for check in checks if check.status != "ok" and not check.fix] == []
    assert {
        "runtime",
        "namespaces",
        "filesystem",
        "overlay",
        "memory",
        "cpus",
        "processes",
        "disk",
        "python",
        "rg",
    } <= {each.name for each in checks}


async def test_a_missing_runtime(tmp_path: Path) -> None:
    boxes = LocalSandboxes(tmp_path, runtime="no-such-runtime")
    with pytest.raises(SandboxUnavailable, match="no-such-runtime is not installed"):
        await boxes.start("box")
    [check] = [each for each in await boxes.doctor() if each.name == "runtime"]
    assert check.status == "fail" and check.fix
    await boxes.destroy("box")
    await boxes.close()


async def test_a_runtime_that_fails(tmp_path: Path) -> None:
    boxes = LocalSandboxes(tmp_path, runtime="false")
    with pytest.raises(SandboxUnavailable, match="could not start the sandbox"):
        await boxes.start("box")
    await boxes.destroy("box")
    await boxes.close()


async def test_a_data_directory_in_usr() -> None:
    [check] = [each for each in await LocalSandboxes(Path("/usr/none")).doctor() if each.name == "filesystem"]
    assert check.status == "fail"


def test_the_filesystem_of_a_path() -> None:
    assert filesystem_of(Path("/proc/self/fd")) == "proc"
    assert filesystem_of(Path("/dev/shm")) == "tmpfs"


async def test_an_idle_sandbox_is_stopped(data_dir: Path) -> None:
    boxes = LocalSandboxes(data_dir, idle_stop_seconds=0.3)
    await boxes.write("idle", "kept", b"kept", run=fresh_run(), note="")
    await boxes.start("busy")
    busy = asyncio.create_task(boxes.shell("busy", "sleep 2", run=fresh_run(), timeout=10, output_limit=100))
    while (await state_of(boxes, "idle")) == "running":
        await asyncio.sleep(0.05)
    assert await state_of(boxes, "busy") == "running"
    assert not (await busy).restarted
    assert (await boxes.read("idle", "kept", limit=10)).data == b"kept"
    for name in ("idle", "busy"):
        await boxes.destroy(name)
    await boxes.close()


async def state_of(boxes: LocalSandboxes, name: str) -> str:
    [info] = [each for each in await boxes.recover() if each.id == name]
    return info.state


async def test_old_outputs_are_dropped_and_said_to_be(boxes: LocalSandboxes) -> None:
    async def echo(number: int) -> bytes:
        run = Run(f"run-{number}")
        return (await boxes.shell("box", "echo out", run=run, timeout=10, output_limit=100)).output

    for number in range(300):
        assert await echo(number) == b"out\n"
    assert await echo(299) == b"out\n"
    with pytest.raises(UnknownOutcome):
        await echo(0)


async def test_nothing_is_left(data_dir: Path) -> None:
    boxes = LocalSandboxes(data_dir, limits=Limits(processes=100))
    await boxes.shell("box", "sleep 1000 & setsid sleep 1000 &", run=fresh_run(), timeout=10, output_limit=100)
    [info] = [each for each in await boxes.recover() if each.id == "box"]
    groups = cgroups(info.pid)
    assert (os.geteuid() != 0) or [path for path in groups if path.exists()]
    await boxes.destroy("box")
    await boxes.close()
    assert info.pid is not None and identify(info.pid) is None
    assert not [path for path in groups if path.exists()]
    assert str(data_dir) not in Path("/proc/self/mountinfo").read_text()


def cgroups(pid: int | None) -> list[Path]:
    """The control groups of a sandbox, whatever the version."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    places = [Path("/sys/fs/cgroup", kind.removeprefix("name="), path[1:]) for _, kind, path in lines]
    return [place for place in places if "journeyman" in str(place)]
