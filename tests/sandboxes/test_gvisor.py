"""gVisor as the runtime of the local provider: what differs from runc. All else is in the conformance suite."""

import asyncio
import os
from pathlib import Path

import pytest

from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import Network, Run, SandboxError, ShellResult, Spec

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("boxes", ["gvisor"], indirect=True)]
_MB = 1 << 20


async def sh(boxes: LocalSandboxes, script: str, run: str, timeout: float = 30, box: str = "box") -> ShellResult:
    return await boxes.shell(box, script, run=Run(run), timeout=timeout, output_limit=100_000)


async def test_a_sandbox_has_a_kernel_and_a_network_of_its_own(boxes: LocalSandboxes) -> None:
    assert b"gVisor" in (await sh(boxes, "dmesg", "run-1")).output
    [info] = await boxes.inventory()
    own, ours = (Path("/proc", str(pid), "ns/net").readlink() for pid in (info.pid, os.getpid()))
    assert own != ours


async def test_the_host_is_out_of_reach(boxes: LocalSandboxes) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        script = f"echo >/dev/tcp/127.0.0.1/{port}; ls /home /root /proc/1/root/"
        result = await sh(boxes, script, "run-1")
        assert b"Connection refused" in result.output, result
        assert not {name.encode() for name in os.listdir("/root")} & set(result.output.split())  # noqa: PTH208


async def test_loopback_works_without_a_way_out(boxes: LocalSandboxes) -> None:
    await sh(boxes, "mkdir site; echo served >site/file; python3 -m http.server -d site 80 &>log &", "run-1")
    result = await sh(boxes, "curl -s --retry 20 --retry-connrefused --retry-delay 1 localhost/file", "run-2")
    assert result.output == b"served\n", result


async def test_the_way_out_is_the_same(boxes: LocalSandboxes) -> None:
    await boxes.create("box", Spec(network=Network("limited", ("permitted.test",))))
    result = await sh(boxes, "curl -sS http://refused.test/", "run-1")
    assert b"refused.test is not one of the hosts" in result.output, result
    assert [each.kind for each in result.incidents] == ["egress_denied"], result


async def test_pipes_cannot_be_replaced(boxes: LocalSandboxes, data_dir: Path) -> None:
    """Their folder is not read-only to gVisor: it is the host's kernel that refuses."""
    script = "cd /run/journeyman; for f in *; do mv $f x; rm -f $f; done; echo >init; chmod 777 init; ln -s / link; ls"
    before = (await sh(boxes, "ls /run/journeyman", "run-1")).output
    after = (await sh(boxes, f"{{ {script}; }} 2>/dev/null", "run-2")).output
    assert set(before.split()) <= set(after.split()) and b"link" not in after.split(), after
    [init] = (data_dir / "sandboxes").glob("*/io/init")
    assert init.stat().st_uid == 0 and init.stat().st_mode & 0o777 == 0o644
    assert (await sh(boxes, "echo alive", "run-3")).output == b"alive\n"


async def test_a_sandbox_without_memory_is_started_again(data_dir: Path, boxes: LocalSandboxes, runsc: str) -> None:
    small = LocalSandboxes(data_dir / "small", runtime=runsc, limits=Limits(memory=512 * _MB))
    try:
        await sh(boxes, "x=kept", "run-1")
        await sh(small, "echo kept >file", "run-1")
        hog = await sh(small, "python3 -c 'bytearray(2 << 30)'", "run-2")
        assert hog.restarted and [each.kind for each in hog.incidents] == ["out_of_memory"], hog
        assert (await sh(small, "cat file", "run-3")).output == b"kept\n"
        assert (await sh(boxes, "echo $x", "run-2")).output == b"kept\n"
    finally:
        await small.destroy("box")
        await small.close()


async def test_a_fork_bomb_is_ended(data_dir: Path, boxes: LocalSandboxes, runsc: str) -> None:
    small = LocalSandboxes(data_dir / "few", runtime=runsc, limits=Limits(processes=64))
    try:
        await sh(boxes, "x=kept", "run-1")
        await sh(small, "bomb() { bomb | bomb & }; bomb; sleep 10", "run-1", timeout=3)
        assert (await sh(small, "echo alive", "run-2")).output == b"alive\n"
        assert (await sh(boxes, "echo $x", "run-2")).output == b"kept\n"
    finally:
        await small.destroy("box")
        await small.close()


async def test_a_run_outlives_its_server(boxes: LocalSandboxes, data_dir: Path, runsc: str) -> None:
    await sh(boxes, "mkfifo gate; x=kept", "run-1")
    going = asyncio.create_task(sh(boxes, "echo begun >gate; read word <gate; echo $word $x", "run-2"))
    await boxes.exec("box", ["cat", "gate"])
    await boxes.close()
    with pytest.raises(SandboxError):
        await going
    other = LocalSandboxes(data_dir, runtime=runsc)
    try:
        await other.recover()
        going = asyncio.create_task(sh(other, "", "run-2"))
        await other.exec("box", ["sh", "-c", "echo go >gate"])
        assert (await going).output == b"go kept\n"
    finally:
        await other.destroy("box")
        await other.close()


async def test_a_change_of_the_runtime_keeps_files(boxes: LocalSandboxes, data_dir: Path, runsc: str) -> None:
    """The sandbox of the runtime before is ended when it is next used, and leaves nothing."""
    for number, runtime in enumerate(("runc", runsc, "runc", runsc)):
        other = LocalSandboxes(data_dir, runtime=runtime)
        await other.recover()
        result = await sh(other, "dmesg 2>/dev/null | grep -c gVisor; echo >>file; wc -l <file", f"run-{number}")
        assert (b"0" not in result.output) == (runtime == runsc), result
        assert result.output.endswith(b"%d\n" % (number + 1)), result
        assert len(list((data_dir / "sandboxes" / "rt").glob("journeyman-*"))) <= 2
        await other.close()


async def test_an_old_release_is_named(boxes: LocalSandboxes, tmp_path: Path) -> None:
    old = tmp_path / "runsc"
    old.write_text("#!/bin/sh\necho runsc version 0.0~20221219.0\n")
    old.chmod(0o755)
    provider = LocalSandboxes(tmp_path, runtime=str(old))
    try:
        [check] = [each for each in await provider.doctor() if each.name == "runtime"]
        assert check.status == "fail" and "20221219" in check.detail and "Debian 13" in check.fix
    finally:
        await provider.close()
