"""The server is killed with SIGKILL; what it left is found by the next one."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.local.writing import Target, WriteLog, write
from journeyman.sandboxes.port import Run, SandboxError, SandboxInfo, ShellResult, UnknownOutcome

pytestmark = pytest.mark.anyio
SERVER = Path(__file__).with_name("server.py")


async def killed_server(data_dir: Path, run: str, script: str) -> None:
    """Start a server, wait until its script has begun, and kill it."""
    command = [sys.executable, str(SERVER), str(data_dir), run, script]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def sh(boxes: LocalSandboxes, script: str, run: str = "later", timeout: float = 30) -> ShellResult:
    return await boxes.shell("box", script, run=Run(run), timeout=timeout, output_limit=1_000_000)


async def test_a_run_in_flight_keeps_its_output(boxes: LocalSandboxes, data_dir: Path) -> None:
    script = "touch begun; sleep 0.3; seq 50000; echo err >&2; greet $KEPT; jobs -r; (exit 9)"
    await killed_server(data_dir, "flight", script)
    found = await boxes.recover()
    assert [(info.id, info.state) for info in found] == [("box", "running")]
    result = await sh(boxes, script, "flight")
    lines = result.output.split(b"\n")
    assert lines[:50_000] == [b"%d" % n for n in range(1, 50_001)]
    assert lines[50_000:50_002] == [b"err", b"hello yes"]
    assert b"sleep 1000" in lines[50_002]
    assert (result.exit_code, result.restarted, result.timed_out) == (9, False, False)
    assert result.total_bytes == len(result.output)
    assert (await sh(boxes, "pwd; greet again")).output == b"/tmp\nhello again\n"


async def test_two_successors_and_one_output(boxes: LocalSandboxes, data_dir: Path) -> None:
    """Who goes on with the run has all its output; the other one reads nothing of it."""
    script = "touch begun; for n in {1..300}; do echo $n; sleep 0.002; done"
    await killed_server(data_dir, "flight", script)
    other = LocalSandboxes(data_dir)
    await boxes.recover()
    await other.recover()
    assert (await sh(boxes, script, "flight")).output.split() == [b"%d" % n for n in range(1, 301)]
    await other.close()


async def test_a_run_that_ended_without_a_server(boxes: LocalSandboxes, data_dir: Path) -> None:
    script = "echo once >>count; touch begun; sleep 0.2; echo out; touch ended; (exit 4)"
    await killed_server(data_dir, "flight", script)
    # Not through recover: the first call finds the sandbox as well.
    await boxes.exec("box", ["sh", "-c", "until [ -e /tmp/ended ]; do sleep 0.01; done"])
    result = await sh(boxes, script, "flight")
    assert (result.output, result.exit_code) == (b"out\n", 4)
    assert (await sh(boxes, "cat count")).output == b"once\n"


async def test_a_shell_that_exited_without_a_server(boxes: LocalSandboxes, data_dir: Path) -> None:
    await killed_server(data_dir, "flight", "touch begun; sleep 0.2; echo out; exit 6")
    result = await sh(boxes, "unused", "flight")
    assert (result.output, result.exit_code, result.restarted) == (b"out\n", 6, True)


async def test_a_new_run_waits_for_the_one_in_flight(boxes: LocalSandboxes, data_dir: Path) -> None:
    await killed_server(data_dir, "flight", "touch begun; sleep 0.3; echo first >>order")
    await boxes.recover()
    result = await sh(boxes, "echo second >>order; cat order", "other")
    assert result.output == b"first\nsecond\n"


async def test_the_deadline_still_holds(boxes: LocalSandboxes, data_dir: Path) -> None:
    await killed_server(data_dir, "flight", "touch begun; sleep 1000")
    call = asyncio.create_task(sh(boxes, "unused", "flight"))
    await boxes.exec("box", ["true"])
    call.cancel()
    await asyncio.wait({call})
    result = await sh(boxes, "unused", "flight")
    assert (result.cancelled, result.exit_code) == (True, None)


async def test_a_sandbox_that_died_with_the_server(boxes: LocalSandboxes, data_dir: Path) -> None:
    await killed_server(data_dir, "flight", "echo some; touch begun; sleep 1000")
    [info] = await boxes.recover()
    assert info.pid is not None
    os.kill(info.pid, signal.SIGKILL)
    result = await sh(boxes, "unused", "flight")
    assert (result.exit_code, result.restarted) == (None, True)
    assert result.output in {b"", b"some\n"}


async def test_recover_removes_a_half_made_sandbox(boxes: LocalSandboxes, data_dir: Path) -> None:
    await boxes.start("box")
    (data_dir / "sandboxes" / "77" / "files").mkdir(parents=True)
    assert [info.id for info in await boxes.recover()] == ["box"]
    assert not (data_dir / "sandboxes" / "77").exists()


async def test_close_leaves_the_run_going(boxes: LocalSandboxes, data_dir: Path) -> None:
    other = LocalSandboxes(data_dir)
    call = asyncio.create_task(sh(other, "touch begun; sleep 0.3; echo out", "flight"))
    await boxes.exec("box", ["sh", "-c", "until [ -e /workspace/begun ]; do sleep 0.01; done"])
    await other.close()
    with pytest.raises(SandboxError):
        await call
    assert (await sh(boxes, "unused", "flight")).output == b"out\n"


async def test_two_servers_see_one_run(boxes: LocalSandboxes, data_dir: Path) -> None:
    other = LocalSandboxes(data_dir)
    await boxes.start("box")
    first, second = await asyncio.gather(
        sh(boxes, "sleep 0.2; echo ran; echo ran >>count", "same"),
        sh(other, "sleep 0.2; echo ran; echo ran >>count", "same"),
    )
    assert first == second
    assert (await sh(boxes, "cat count")).output == b"ran\n"
    await other.close()


@pytest.mark.parametrize("old", [b"old", None])
async def test_a_write_that_was_begun_is_finished(boxes: LocalSandboxes, data_dir: Path, old: bytes | None) -> None:
    await begin_write(boxes, data_dir, old)
    assert await boxes.recorded("box", Run("write")) == "the note"
    assert (await boxes.read("box", "file", limit=10)).data == b"new"
    assert await boxes.recorded("box", Run("write")) == "the note"


async def test_a_write_that_was_done_but_not_recorded(boxes: LocalSandboxes, data_dir: Path) -> None:
    await begin_write(boxes, data_dir, b"old")
    await sh(boxes, "printf new >file; chmod 600 file")
    assert await boxes.write("box", "file", b"new", run=Run("write"), note="other") == "the note"
    assert (await sh(boxes, "stat -c %a file", "stat")).output == b"600\n"


async def test_a_write_whose_file_changed_is_unknown(boxes: LocalSandboxes, data_dir: Path) -> None:
    await begin_write(boxes, data_dir, b"old")
    await sh(boxes, "echo something else >file")
    with pytest.raises(UnknownOutcome):
        await boxes.recorded("box", Run("write"))


async def begin_write(boxes: LocalSandboxes, data_dir: Path, old: bytes | None) -> None:
    """Leave the record a server leaves that is killed after recording and before renaming."""
    if old is not None:
        await boxes.write("box", "file", old, run=Run("first"), note="")
    [info] = await boxes.recover() if old is not None else [await started(boxes)]
    [link] = (data_dir / "sandboxes" / "names").iterdir()
    log = StoppingLog(link.resolve() / "writes")
    root = os.open(f"/proc/{info.pid}/root", os.O_PATH)
    with pytest.raises(Killed):
        write(Target(root, None), log, "write", "/workspace/file", b"new", "the note", None)
    os.close(root)


async def started(boxes: LocalSandboxes) -> SandboxInfo:
    await boxes.start("box")
    [info] = await boxes.recover()
    return info


class Killed(BaseException):
    pass


class StoppingLog(WriteLog):
    def begin(self, run, intent, data) -> None:  # type: ignore[no-untyped-def]
        super().begin(run, intent, data)
        raise Killed


STARTING = "import asyncio, sys; from pathlib import Path; from journeyman.sandboxes.local import LocalSandboxes as L; "
STARTING += "asyncio.run(L(Path(sys.argv[1])).start('box'))"


@pytest.mark.parametrize("moment", ["0/disk.img", "0/config.json", "rt/*", "rt/*/state.json", "0/pid", "0/state.json"])
async def test_a_start_under_way_is_waited_for(boxes: LocalSandboxes, data_dir: Path, moment: str) -> None:
    """The runtime outlives the server that called it: it is not raced, and what it started does not stay."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTING, str(data_dir))
    while not list((data_dir / "sandboxes").glob(moment)):
        await asyncio.sleep(0)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    recovery = asyncio.create_task(boxes.recover())
    assert (await sh(boxes, "echo one; pwd")).output == b"one\n/workspace\n"
    await recovery
    assert len(list((data_dir / "sandboxes" / "rt").iterdir())) == 1
