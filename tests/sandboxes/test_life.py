"""How a sandbox lives: stopped at rest, resumed as it was, found again after any death, gone without a trace."""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from census import census

from journeyman.egress.identity import identify
from journeyman.runtime.reaper import Reaper
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.local.remains import groups
from journeyman.sandboxes.port import Run, SandboxInfo, ShellResult

pytestmark = pytest.mark.anyio
_runs = itertools.count(1)


async def sh(boxes: LocalSandboxes, script: str, box: str = "box", *, timeout: float = 20) -> ShellResult:
    run = Run(f"life-{next(_runs)}")
    return await boxes.shell(box, script, run=run, timeout=timeout, output_limit=100_000)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def info_of(boxes: LocalSandboxes, name: str = "box") -> SandboxInfo:
    [info] = [each for each in await boxes.inventory() if each.id == name]
    return info


@asynccontextmanager
async def provider(data_dir: Path, **options: float) -> AsyncIterator[LocalSandboxes]:
    boxes = LocalSandboxes(data_dir, **options)  # type: ignore[arg-type]
    try:
        yield boxes
    finally:
        for info in await boxes.inventory():
            await boxes.destroy(info.id)
        await boxes.recover()  # removals that a test cut off
        await boxes.close()
        assert not census(data_dir)["control groups"]


async def is_stopped(boxes: LocalSandboxes) -> bool:
    return (await info_of(boxes)).state == "stopped"


STATE = """
mkdir -p '/tmp/odd dir'$'\\n'; cd '/tmp/odd dir'$'\\n'
export EXPORTED='a "quoted"'$'\\n''value' PATH=/tmp:$PATH; unset PAGER
plain=$'tab\\there'; list=(1 '2 3'); declare -A map=([k]='v w'); declare -i number=4; readonly fixed=5
greet() { cat <<END
hello $1
END
}
matches() { [[ $1 == +(a|b) ]]; }
shopt -s extglob; alias ll='ls -l'; set -- one 'two three'; set -u; umask 027; trap 'echo bye' USR1
"""
TELL = """
pwd; printenv EXPORTED; echo "$plain|${list[1]}|${map[k]}|$fixed|$#|$2|${PAGER-unset}|${PATH%%:*}"; number+=1
echo $number; greet you; matches abba && echo matched; alias ll; umask; trap -p USR1; [[ $- == *u* ]] && echo strict
"""


@pytest.mark.parametrize("how", ["at rest", "stop", "stop, then a new server"])
async def test_a_shell_resumes_as_it_was(tmp_path: Path, how: str) -> None:
    async with provider(tmp_path, idle_stop_seconds=0.3 if how == "at rest" else 900) as boxes:
        await sh(boxes, STATE + "shopt -s extglob\nmatches() { [[ $1 == +(a|b) ]]; }")
        expected = await sh(boxes, TELL)
        await sh(boxes, "number=4")
        assert b"hello you\nmatched\n" in expected.output and b"|unset|/tmp\n" in expected.output
        if how == "at rest":
            await until(lambda: is_stopped(boxes))
        else:
            await boxes.stop("box")
        if how == "stop, then a new server":
            await boxes.close()
            boxes = LocalSandboxes(tmp_path)  # noqa: PLW2901
        assert await sh(boxes, TELL) == expected
        await boxes.close()


async def test_the_rest_is_exact_and_use_puts_it_off(tmp_path: Path) -> None:
    async with provider(tmp_path, idle_stop_seconds=1.0) as boxes:
        await boxes.start("box")
        await asyncio.sleep(0.6)
        await sh(boxes, "true")
        used = time.monotonic()
        await until(lambda: is_stopped(boxes))
        assert 0.95 < time.monotonic() - used < 1.6


async def test_a_process_that_the_agent_left_keeps_it_running_up_to_the_cap(tmp_path: Path) -> None:
    async with provider(tmp_path, idle_stop_seconds=0.2, idle_cap_seconds=1.5) as boxes:
        began = time.monotonic()
        await sh(boxes, "cd /tmp; x=1; sleep 1000 & echo $! >pid")
        await until(lambda: is_stopped(boxes))
        assert time.monotonic() - began > 1.5
        result = await sh(boxes, "pwd; echo $x; pgrep sleep")
        assert (result.output, result.restarted) == (b"/tmp\n1\n", False)
        assert [each.kind for each in result.incidents] == ["processes_lost"]
        assert not (await sh(boxes, "true")).incidents


async def test_it_rests_once_the_process_has_ended(tmp_path: Path) -> None:
    async with provider(tmp_path, idle_stop_seconds=0.2) as boxes:
        await sh(boxes, "mkfifo gate; cat gate &")
        await asyncio.sleep(0.5)
        assert not await is_stopped(boxes)
        await boxes.exec("box", ["sh", "-c", "echo >gate"])
        await until(lambda: is_stopped(boxes))


async def test_news_outlive_the_server_and_a_repeated_run_has_them_too(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "sleep 1000 &")
        await boxes.stop("box")
        await boxes.start("box")
        await boxes.close()
        for _ in range(2):
            result = await boxes.shell("box", "true", run=Run("told"), timeout=10, output_limit=10)
            assert [each.kind for each in result.incidents] == ["processes_lost"]


@pytest.mark.parametrize("chunk", ["exit 3", "kill -9 $BASHPID", "exec true", "set -e; false", "}}} (", "exec 3>&-"])
async def test_what_was_kept_cannot_break_the_shell(tmp_path: Path, chunk: str) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "cd /tmp")
        await boxes.stop("box")
        kept = tmp_path / "sandboxes" / "0" / "shells" / "main"
        head, _, pieces = kept.read_bytes().partition(b"\n")
        kept.write_bytes(head + b"\n" + chunk.encode() + b"\0" + pieces)
        await sh(boxes, "true", timeout=5)
        assert (await sh(boxes, "echo alive", timeout=5)).output == b"alive\n"


async def test_kept_state_that_never_ends_costs_one_timeout(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "trap 'while :; do :; done' DEBUG", timeout=1)
        await sh(boxes, "true", timeout=1)
        await boxes.stop("box")
        (tmp_path / "sandboxes" / "0" / "shells" / "main").write_bytes(
            b'{"lost":false,"incidents":[]}\nwhile :; do :; done\0'
        )
        assert (await sh(boxes, "true", timeout=0.5)).timed_out
        assert (await sh(boxes, "echo alive", timeout=5)).output == b"alive\n"


async def test_a_shell_that_does_not_answer_is_lost(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "builtin() { :; }; pwd() { sleep 1000; }; cd /tmp; kill -STOP $$", timeout=1)
        await sh(boxes, "cd /tmp; (sleep 0.2; kill -STOP $$) & disown")
        await until(lambda: _is_frozen(boxes))
        await boxes.stop("box")
        result = await sh(boxes, "pwd")
        assert (result.output, result.restarted) == (b"/workspace\n", True)


async def _is_frozen(boxes: LocalSandboxes) -> bool:
    found = await boxes.exec("box", ["sh", "-c", "ps -o stat= -o args= -A"])
    return any(line.startswith(b"T") for line in found.stdout.splitlines())


async def test_too_much_is_cut_and_said(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "cd /tmp; export E=1; x=$(head -c 5000000 /dev/zero | tr '\\0' x)")
        await boxes.stop("box")
        result = await sh(boxes, "pwd; printenv E; echo ${#x}")
        assert result.output == b"/tmp\n1\n0\n"
        assert [each.kind for each in result.incidents] == ["variables_lost"]


async def test_a_call_that_comes_as_it_is_stopped_is_served(tmp_path: Path) -> None:
    """Again and again at the moment of the stop: nothing is lost, nothing runs twice."""
    async with provider(tmp_path, idle_stop_seconds=0.1) as boxes:
        await sh(boxes, "n=0")
        for number in range(1, 16):
            await asyncio.sleep(0.09 + number * 0.002)
            result = await sh(boxes, "echo $((++n))")
            assert (result.output, result.restarted) == (b"%d\n" % number, False)


async def test_a_stopped_sandbox_takes_nothing_of_the_server(tmp_path: Path) -> None:
    async with provider(tmp_path, idle_stop_seconds=0.2) as boxes:
        before = len(list(Path("/proc/self/fd").iterdir()))
        await sh(boxes, "true")
        await until(lambda: is_stopped(boxes))
        await until(lambda: _settled(before))


async def _settled(descriptors: int) -> bool:
    return len(list(Path("/proc/self/fd").iterdir())) <= descriptors


# Recovery.


async def test_a_forged_boot_id_and_a_reused_pid(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await sh(boxes, "echo kept >file; cd /tmp", "rebooted")
        await sh(boxes, "echo kept >file", "reused")
        infos = {info.id: info for info in await boxes.inventory()}
        await boxes.close()
        for info in infos.values():
            assert info.pid is not None
            os.kill(info.pid, signal.SIGKILL)
            await until(lambda pid=info.pid: _gone(pid))
        for name, changed in (("rebooted", {2: "another-boot"}), ("reused", {0: os.getpid()})):
            state = (tmp_path / "sandboxes" / "names" / name).resolve() / "state.json"
            process = orjson.loads(state.read_bytes())["process"]
            state.write_bytes(orjson.dumps({"process": [changed.get(n, each) for n, each in enumerate(process)]}))
        after = LocalSandboxes(tmp_path)
        assert {info.state for info in await after.recover()} == {"stopped"}
        assert not list((tmp_path / "sandboxes" / "rt").iterdir())
        for name in infos:
            result = await sh(after, "cat /workspace/file; pwd", name)
            assert (result.output, result.restarted) == (b"kept\n/workspace\n", True)
        await after.close()


async def _gone(pid: int) -> bool:
    return identify(pid) is None


STARTING = "import asyncio, sys; from pathlib import Path; from journeyman.sandboxes.local import LocalSandboxes as L; "
STARTING += "asyncio.run(L(Path(sys.argv[1])).start('box'))"


@pytest.mark.parametrize("moment", ["rt/*", "rt/*/state.json", "0/pid", "0/state.json"])
async def test_the_runtime_is_killed_with_its_server(tmp_path: Path, moment: str) -> None:
    """What it left is cleared: processes, control groups, records; and the sandbox starts."""
    async with provider(tmp_path) as boxes:
        command = [sys.executable, "-c", STARTING, str(tmp_path)]
        process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
        while not list((tmp_path / "sandboxes").glob(moment)):
            await asyncio.sleep(0)
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        found = await boxes.recover()
        if found[0].state == "stopped":
            assert not list((tmp_path / "sandboxes" / "rt").iterdir())
            assert not census(tmp_path)["control groups"]
        assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def test_what_has_no_directory_is_cleared(tmp_path: Path) -> None:
    """A runtime's record, control groups with a process in them, a removal that was cut off."""
    async with provider(tmp_path) as boxes:
        await boxes.start("box")
        [record] = (tmp_path / "sandboxes" / "rt").iterdir()
        stray = record.name.rpartition("-")[0] + "-77"
        (record.parent / stray).mkdir()
        (tmp_path / "sandboxes" / "gone-5-abc" / "root").mkdir(parents=True)
        left = await asyncio.create_subprocess_exec("sleep", "1000")
        if os.geteuid() == 0:
            for group in groups(record.name):
                (group.parent / stray).mkdir()
                with contextlib.suppress(OSError):  # a set of processors takes none before it has some
                    (group.parent / stray / "cgroup.procs").write_text(str(left.pid))
        [info] = await boxes.recover()
        assert info.state == "running"
        assert not groups(stray) and not (record.parent / stray).exists()
        names = {path.name for path in (tmp_path / "sandboxes").iterdir()}
        assert not names & {"77", "gone-5-abc"}
        if os.geteuid() != 0:
            left.kill()
        await left.wait()


async def test_recover_disturbs_no_start(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        other = LocalSandboxes(tmp_path)
        names = [f"box-{n}" for n in range(4)]
        for _ in range(3):
            calls = [sh(boxes, "echo ran", name) for name in names]
            results, *_ = await asyncio.gather(
                asyncio.gather(*calls), *(each.recover() for each in (boxes, other, boxes, other))
            )
            assert {result.output for result in results} == {b"ran\n"}
            assert not any(result.restarted for result in results)
            await asyncio.gather(*(boxes.destroy(name) for name in names), other.recover())
        assert not [path for path in (tmp_path / "sandboxes").iterdir() if path.name.isdigit()]
        await other.close()


async def test_recover_where_nothing_ever_was(tmp_path: Path) -> None:
    boxes = LocalSandboxes(tmp_path / "none")
    assert await boxes.recover() == [] == await boxes.inventory()
    assert not (tmp_path / "none").exists()
    await boxes.close()


async def test_recover_of_many_is_quick(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        await boxes.start("box")
        await boxes.stop("box")
        whole = tmp_path / "sandboxes" / "0"
        for slot in range(1, 200):
            place = whole.parent / str(slot)
            for name in ("runs", "writes", "shells"):
                (place / name).mkdir(parents=True)
            (place / "state.json").write_bytes((whole / "state.json").read_bytes())
            (whole.parent / "names" / f"copy-{slot}").symlink_to(f"../{slot}")
        after = LocalSandboxes(tmp_path)
        began = time.perf_counter()
        assert len(await after.recover()) == 200
        assert time.perf_counter() - began < 1.0
        await after.close()


async def test_presence_of_dead_servers_is_forgotten(tmp_path: Path) -> None:
    async with provider(tmp_path) as boxes:
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTING, str(tmp_path))
            await process.wait()
        await boxes.start("box")
        assert len(list((tmp_path / "sandboxes" / "0" / "servers").iterdir())) == 1
        assert len(list((tmp_path / "sandboxes" / "0" / "io").glob("*.events"))) == 1


# No leaks.


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 100 if request.config.getoption("--soak", default=False) else 30


async def test_cycles_leave_nothing(tmp_path: Path, count: int) -> None:
    async with provider(tmp_path) as boxes:

        async def cycles(lane: int) -> None:
            for number in range(lane, count, 4):
                name = f"box-{number}"
                result = await sh(boxes, "echo $((1+1)); sleep 1000 & (setsid sleep 1000 &)", name)
                assert result.output == b"2\n"
                await boxes.exec(name, ["true"])
                if number % 3 == 0:
                    await boxes.stop(name)
                    await boxes.start(name)
                await boxes.destroy(name)

        await cycles(count - 1)  # what is made once for all
        before = census(tmp_path)
        await asyncio.gather(*(cycles(lane) for lane in range(4)))
        assert census(tmp_path) == before


# The reaper, with sessions that this test makes up.


async def test_the_reaper(tmp_path: Path) -> None:
    statuses = {"idle": "idle", "busy": "running", "ended": "terminated", "old": "idle", "oldbusy": "running"}
    async with provider(tmp_path) as boxes:
        for name in [*statuses, "deleted"]:
            await sh(boxes, "echo kept >file", name)
        for name in ("old", "oldbusy"):
            os.utime(tmp_path / "sandboxes" / "names" / name, (1, 1), follow_symlinks=False)

        async def of(names: object) -> dict[str, tuple[str, float]]:
            return {name: (status, 0.0) for name, status in statuses.items()}

        reaper = asyncio.create_task(Reaper(boxes, of, 86_400, again=0.1).run())

        async def found() -> dict[str, str]:
            return {info.id: info.state for info in await boxes.inventory()}

        expected = {"idle": "running", "busy": "running", "old": "expired", "oldbusy": "running"}
        await until(lambda: _is(found, expected))
        result = await sh(boxes, "cat file || pwd", "old")
        assert [each.kind for each in result.incidents] == ["replaced"]
        statuses["old"] = "terminated"
        await until(lambda: _is(found, {"idle": "running", "busy": "running", "oldbusy": "running"}))
        statuses["oldbusy"] = "idle"
        await until(lambda: _is(found, {"idle": "running", "busy": "running", "oldbusy": "expired"}))
        reaper.cancel()
        await asyncio.wait({reaper})


async def _is(found: Callable[[], Awaitable[dict[str, str]]], expected: dict[str, str]) -> bool:
    return await found() == expected


async def test_a_sandbox_used_by_another_server_is_no_sandbox_at_rest(tmp_path: Path) -> None:
    async with provider(tmp_path, idle_stop_seconds=0.3) as first, provider(tmp_path) as second:
        await sh(first, "true")
        await second.recover()
        # Without a process of its own, which would count as left behind.
        result = await sh(second, "mkfifo gate; read -t 4 x <>gate; echo done")
        assert (result.output, result.exit_code) == (b"done\n", 0), result
        await until(lambda: is_stopped(first))
