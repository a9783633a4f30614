"""What every sandbox provider must do: named checks, each in a sandbox of its own. Shipped, for providers elsewhere."""

import asyncio
import hashlib
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from journeyman.sandboxes.port import (
    Check,
    ExecResult,
    Run,
    SandboxError,
    Sandboxes,
    ShellResult,
    StaleRun,
    UnknownSnapshot,
)

BOX = "conformance"
"""The sandbox the checks use."""
_LIMIT = 100_000
_runs = itertools.count(1)


def fresh_run(fence: int = 0) -> Run:
    return Run(f"run-{next(_runs)}", fence)


async def sh(boxes: Sandboxes, script: str, *, timeout: float = 30, limit: int = _LIMIT) -> ShellResult:
    """A new run in the main shell."""
    return await boxes.shell(BOX, script, run=fresh_run(), timeout=timeout, output_limit=limit)


async def _refused(call: Awaitable[object], kind: type[Exception]) -> str:
    """The message of the error that the call must raise."""
    try:
        await call
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was not raised")


async def check_output_and_status(boxes: Sandboxes) -> None:
    result = await sh(boxes, "echo out; echo err >&2; (exit 3)")
    assert result == ShellResult(b"out\nerr\n", 3, 8), result


async def check_shell_keeps_its_state(boxes: Sandboxes) -> None:
    await sh(boxes, "cd /tmp; name=value; export EXPORTED=1; greet() { echo hello $1; }; declare -A map=([a]=b)")
    result = await sh(boxes, "pwd; echo $name; env | grep ^EXPORTED; greet you; echo ${map[a]}")
    assert result.output == b"/tmp\nvalue\nEXPORTED=1\nhello you\nb\n", result


async def check_starts_in_the_working_directory(boxes: Sandboxes) -> None:
    result = await sh(boxes, "pwd; test -w . && echo writable")
    assert result.output == b"/workspace\nwritable\n", result


async def check_shells_are_apart(boxes: Sandboxes) -> None:
    await boxes.shell(BOX, "x=1; cd /", run=fresh_run(), timeout=10, output_limit=_LIMIT, shell="one")
    other = await boxes.shell(BOX, "echo [$x] $PWD", run=fresh_run(), timeout=10, output_limit=_LIMIT, shell="two")
    assert other.output == b"[] /workspace\n", other


async def check_runs_of_one_shell_are_in_order(boxes: Sandboxes) -> None:
    await asyncio.gather(*(sh(boxes, f"echo {n} >>order; echo {n} >>order") for n in range(8)))
    lines = (await sh(boxes, "cat order")).output.split()
    assert lines[::2] == lines[1::2], lines


async def check_shells_run_side_by_side(boxes: Sandboxes) -> None:
    waiting = boxes.shell(BOX, "read x <gate", run=fresh_run(), timeout=20, output_limit=_LIMIT, shell="waiting")
    await sh(boxes, "mkfifo gate")
    result, _ = await asyncio.gather(waiting, sh(boxes, "echo go >gate"))
    assert result.exit_code == 0, result


async def check_exit_is_reported(boxes: Sandboxes) -> None:
    await sh(boxes, "x=1")
    result = await sh(boxes, "echo before; exit 7; echo after")
    assert result == ShellResult(b"before\n", 7, 7, restarted=True), result
    after = await sh(boxes, "echo [$x] $PWD")
    assert after == ShellResult(b"[] /workspace\n", 0, 14), after


async def check_killed_shell_is_reported(boxes: Sandboxes) -> None:
    result = await sh(boxes, "echo before; kill -9 $$; echo after")
    assert (result.output, result.exit_code, result.restarted) == (b"before\n", 137, True), result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_exec_replaces_only_the_shell(boxes: Sandboxes) -> None:
    result = await sh(boxes, "exec sh -c 'echo other; exit 5'")
    assert (result.output, result.exit_code, result.restarted) == (b"other\n", 5, True), result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_errexit_is_reported(boxes: Sandboxes) -> None:
    result = await sh(boxes, "set -e; false; echo after")
    assert (result.output, result.exit_code, result.restarted) == (b"", 1, True), result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_noexec_does_not_hang(boxes: Sandboxes) -> None:
    result = await sh(boxes, "set -n; echo after", timeout=10)
    assert b"after" not in result.output and not result.timed_out, result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_closed_descriptors_do_no_harm(boxes: Sandboxes) -> None:
    await sh(boxes, 'for n in {0..255}; do eval "exec $n>&-" 2>/dev/null; done; echo gone', timeout=10)
    assert (await sh(boxes, "echo alive")).output == b"alive\n"
    await sh(boxes, "exec >/dev/null 2>&1")
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_syntax_errors_are_reported(boxes: Sandboxes) -> None:
    for script in ('echo "unclosed', "echo $(", "if true; then", "}", ")"):
        result = await sh(boxes, script, timeout=10)
        assert result.exit_code and result.output and not result.timed_out, (script, result)
    result = await sh(boxes, "cat <<EOF\nunclosed", timeout=10)
    assert result.output.startswith(b"unclosed") or b"unclosed" in result.output, result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_stray_loop_words_do_no_harm(boxes: Sandboxes) -> None:
    await sh(boxes, "x=kept")
    for script in ("break", "continue", "return 3"):
        assert not (await sh(boxes, script, timeout=10)).timed_out
    assert (await sh(boxes, "echo $x")).output == b"kept\n"


async def check_output_is_bounded(boxes: Sandboxes) -> None:
    result = await sh(boxes, "seq 1 100000", limit=1000)
    whole = b"".join(b"%d\n" % n for n in range(1, 100_001))
    assert result.total_bytes == len(whole) and len(result.output) == 1000, result.total_bytes
    assert result.output == whole[:500] + whole[-500:], result.output


async def check_output_is_exact(boxes: Sandboxes) -> None:
    result = await sh(boxes, "head -c 300000 /dev/zero | tr '\\0' x", limit=400_000)
    assert (result.output, result.total_bytes) == (b"x" * 300_000, 300_000)
    binary = await sh(boxes, "printf '\\0\\377\\n\\1'")
    assert binary.output == b"\0\xff\n\1", binary


async def check_endless_output_ends(boxes: Sandboxes) -> None:
    result = await sh(boxes, "yes", timeout=1, limit=1000)
    assert result.timed_out and len(result.output) == 1000 and result.total_bytes > 1000, result.total_bytes
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def check_timeout_kills(boxes: Sandboxes) -> None:
    result = await sh(boxes, "echo start; sleep 1234 & (sleep 1235); echo end", timeout=0.5)
    assert (result.output, result.exit_code, result.timed_out, result.restarted) == (b"start\n", None, True, True), (
        result
    )
    listed = await boxes.exec(BOX, ["sh", "-c", "grep -lz 123[45] /proc/[0-9]*/cmdline"])
    assert b"/proc/" not in listed.stdout.replace(b"/proc/self", b""), listed


async def check_background_jobs_do_not_block(boxes: Sandboxes) -> None:
    result = await sh(boxes, "sleep 1000 & echo started", timeout=10)
    assert result == ShellResult(b"started\n", 0, 8), result
    assert (await sh(boxes, "jobs -r | grep -c sleep")).output == b"1\n"


async def check_background_output_stays_out_of_later_runs(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate; (read x <gate; echo late; echo done >gate) &")
    assert (await sh(boxes, "echo go >gate; read x <gate; echo $x")).output == b"done\n"
    await sh(boxes, "yes &")
    assert (await sh(boxes, "echo clean; kill %%")).output == b"clean\n"


async def check_jobs_survive_a_timeout_of_a_later_run(boxes: Sandboxes) -> None:
    await sh(boxes, "sleep 1000 & echo $! >pid")
    assert (await sh(boxes, "sleep 0.1; sleep 1000", timeout=0.5)).timed_out
    assert (await sh(boxes, "kill -0 $(cat pid) && echo alive")).output == b"alive\n"


async def check_cancel_kills_within_a_second(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo begun")
    loop = asyncio.get_running_loop()
    run = fresh_run()
    task = asyncio.create_task(
        boxes.shell(BOX, "echo begun >begun; sleep 1234", run=run, timeout=60, output_limit=_LIMIT)
    )
    await boxes.exec(BOX, ["cat", "begun"])
    began = loop.time()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled() and loop.time() - began < 1.5, loop.time() - began
    again = await boxes.shell(BOX, "echo again", run=run, timeout=10, output_limit=_LIMIT)
    assert again.cancelled and again.exit_code is None, again
    left = await sh(boxes, "pgrep -af 'sleep 123[4]' || echo none")
    assert left.output == b"none\n", left


async def check_a_run_happens_once(boxes: Sandboxes) -> None:
    run = fresh_run()
    first = await boxes.shell(BOX, "echo once >>times; echo out", run=run, timeout=10, output_limit=_LIMIT)
    again = await boxes.shell(BOX, "echo once >>times; echo out", run=run, timeout=10, output_limit=_LIMIT)
    assert first == again, (first, again)
    assert (await sh(boxes, "wc -l <times")).output.strip() == b"1"


async def check_a_run_that_goes_on_is_waited_for(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate")
    run = fresh_run()
    calls = [
        boxes.shell(BOX, "read x <gate; echo $x; echo ran >>times", run=run, timeout=20, output_limit=_LIMIT)
        for _ in range(3)
    ]
    *results, _ = await asyncio.gather(*calls, boxes.exec(BOX, ["sh", "-c", "echo word >gate"]))
    assert [result.output for result in results if isinstance(result, ShellResult)] == [b"word\n"] * 3, results
    assert (await sh(boxes, "wc -l <times")).output.strip() == b"1"


async def check_a_lower_fence_is_refused(boxes: Sandboxes) -> None:
    await boxes.shell(BOX, "true", run=fresh_run(5), timeout=10, output_limit=_LIMIT)
    await boxes.shell(BOX, "true", run=fresh_run(5), timeout=10, output_limit=_LIMIT)
    await _refused(boxes.shell(BOX, "touch made", run=fresh_run(4), timeout=10, output_limit=_LIMIT), StaleRun)
    await _refused(boxes.write(BOX, "made", b"", run=fresh_run(4), note=""), StaleRun)
    assert (await boxes.exec(BOX, ["ls"])).stdout == b""


async def check_restart_shell(boxes: Sandboxes) -> None:
    await sh(boxes, "x=1; cd /; sleep 1000 & set -e")
    await boxes.restart_shell(BOX, run=fresh_run())
    result = await sh(boxes, "echo [$x] $PWD; jobs; false; echo after")
    assert result == ShellResult(b"[] /workspace\nafter\n", 0, 20), result


async def check_large_scripts(boxes: Sandboxes) -> None:
    result = await sh(boxes, "x='" + "a" * 300_000 + "'; echo ${#x}")
    assert result.output == b"300000\n", result
    assert (await sh(boxes, "echo small")).output == b"small\n"
    await _refused(sh(boxes, "echo \0"), SandboxError)


async def check_exec(boxes: Sandboxes) -> None:
    result = await boxes.exec(BOX, ["sh", "-c", 'cat; echo "$1" >&2; exit 4', "sh", "a b\n*"], stdin=b"in\0put")
    assert result == ExecResult(4, b"in\0put", b"a b\n*\n", False), result
    assert (await boxes.exec(BOX, ["pwd"], cwd="/tmp")).stdout == b"/tmp\n"
    assert (await boxes.exec(BOX, ["no-such-program"])).exit_code == 127


async def check_exec_is_bounded(boxes: Sandboxes) -> None:
    result = await boxes.exec(BOX, ["seq", "100000"], output_limit=1000)
    assert result.truncated and result.stdout.startswith(b"1\n2\n") and len(result.stdout) == 1000, result
    message = await _refused(boxes.exec(BOX, ["sleep", "1234"], timeout=0.2), SandboxError)
    assert "sleep" in message, message
    assert (await sh(boxes, "pgrep -f 'sleep 123[4]' || echo none")).output == b"none\n"


async def check_execs_run_side_by_side(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate")
    reading = boxes.exec(BOX, ["cat", "gate"], timeout=20)
    writing = boxes.exec(BOX, ["sh", "-c", "echo through >gate"], timeout=20)
    read, _ = await asyncio.gather(reading, writing)
    assert read.stdout == b"through\n", read


async def check_read_and_write(boxes: Sandboxes) -> None:
    data = bytes(range(256)) * 20
    note = await boxes.write(BOX, "deep/er/file", data, run=fresh_run(), note="written")
    assert note == "written"
    found = await boxes.read(BOX, "/workspace/deep/er/file", limit=1_000_000)
    assert found == (data, len(data), hashlib.sha256(data).hexdigest()), found
    part = await boxes.read(BOX, "deep/er/file", offset=10, limit=5)
    assert part == (data[10:15], len(data), None), part
    assert (await sh(boxes, "stat -c '%U %a' deep deep/er/file")).output == b"root 755\nroot 644\n"


async def check_write_keeps_the_mode(boxes: Sandboxes) -> None:
    await sh(boxes, "echo old >tool; chmod 750 tool; ln -s tool link")
    await boxes.write(BOX, "link", b"new", run=fresh_run(), note="")
    result = await sh(boxes, "stat -c %a tool; cat tool; readlink link")
    assert result.output == b"750\nnewtool\n", result


async def check_write_compares(boxes: Sandboxes) -> None:
    old = hashlib.sha256(b"old").hexdigest()
    await boxes.write(BOX, "file", b"old", run=fresh_run(), note="")
    await boxes.write(BOX, "file", b"new", run=fresh_run(), note="", if_sha256=old)
    await _refused(boxes.write(BOX, "file", b"newer", run=fresh_run(), note="", if_sha256=old), SandboxError)
    await _refused(boxes.write(BOX, "none", b"newer", run=fresh_run(), note="", if_sha256=old), SandboxError)
    assert (await boxes.read(BOX, "file", limit=10)).data == b"new"


async def check_a_write_happens_once(boxes: Sandboxes) -> None:
    run = fresh_run()
    assert await boxes.recorded(BOX, run) is None
    await boxes.write(BOX, "file", b"first", run=run, note="first note")
    await sh(boxes, "echo changed >file")
    assert await boxes.write(BOX, "file", b"first", run=run, note="other note") == "first note"
    assert await boxes.recorded(BOX, run) == "first note"
    assert (await boxes.read(BOX, "file", limit=100)).data == b"changed\n"


async def check_odd_files_are_refused(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo fifo; ln -s /dev/zero zero; ln -s loop loop; mkdir dir; ln -s /proc/self/root/etc magic")
    for path in ("fifo", "zero", "loop", "/dev/zero", "/dev/tty", "magic/passwd", "dir/x/../../fifo/x", "a\0b", ""):
        await _refused(asyncio.wait_for(boxes.read(BOX, path, limit=10), 5), (Exception))
    for path in ("fifo", "zero", "loop", "/dev/zero", "/proc/self/comm", "fifo/x", "a\0b", ""):
        await _refused(boxes.write(BOX, path, b"x", run=fresh_run(), note=""), Exception)
    await _refused(boxes.read(BOX, "none", limit=10), FileNotFoundError)
    await _refused(boxes.read(BOX, "dir", limit=10), IsADirectoryError)
    await _refused(boxes.write(BOX, "dir", b"x", run=fresh_run(), note=""), IsADirectoryError)


async def check_huge_files_are_read_in_part(boxes: Sandboxes) -> None:
    await sh(boxes, "truncate -s 9G huge; printf end | dd of=huge bs=1 seek=9000000000 conv=notrunc status=none")
    found = await boxes.read(BOX, "huge", offset=9_000_000_000, limit=3)
    assert found == (b"end", 9 << 30, None), found


async def check_stop_keeps_files(boxes: Sandboxes) -> None:
    await sh(boxes, "echo kept >file; echo kept >/etc/made; sleep 1000 &")
    await boxes.stop(BOX)
    await boxes.stop(BOX)
    result = await sh(boxes, "cat file /etc/made; pgrep sleep")
    assert result.output == b"kept\nkept\n", result
    assert result.restarted or result.incidents, result  # a job was lost
    assert await sh(boxes, "true") == ShellResult(b"", 0, 0)


async def check_stop_keeps_shells_at_rest(boxes: Sandboxes) -> None:
    await sh(boxes, "mkdir /tmp/here; cd /tmp/here; export WORD=kept; list=(a 'b c'); greet() { echo hello $1; }")
    await boxes.shell(BOX, "cd /; x=1", run=fresh_run(), timeout=10, output_limit=_LIMIT, shell="other")
    await boxes.stop(BOX)
    result = await sh(boxes, "pwd; printenv WORD; echo ${list[1]}; greet you")
    assert result == ShellResult(b"/tmp/here\nkept\nb c\nhello you\n", 0, 29), result
    await boxes.stop(BOX)
    await boxes.stop(BOX)
    other = await boxes.shell(BOX, "pwd; echo $x", run=fresh_run(), timeout=10, output_limit=_LIMIT, shell="other")
    assert other == ShellResult(b"/\n1\n", 0, 4), other


async def check_an_expired_sandbox_is_replaced(boxes: Sandboxes) -> None:
    await sh(boxes, "echo kept >file")
    [before] = [info for info in await boxes.inventory() if info.id == BOX]
    assert await boxes.expire(BOX)
    assert [info.state for info in await boxes.inventory() if info.id == BOX] == ["expired"]
    result = await sh(boxes, "ls")
    assert result.output == b"" and [each.kind for each in result.incidents] == ["replaced"], result
    assert not (await sh(boxes, "true")).incidents
    [after] = [info for info in await boxes.inventory() if info.id == BOX]
    assert after.state == "running" and after.created >= before.created, (before, after)


async def check_a_sandbox_in_use_does_not_expire(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate")
    call = asyncio.create_task(sh(boxes, "echo begun >gate; read x <gate"))
    await boxes.exec(BOX, ["cat", "gate"])
    assert not await boxes.expire(BOX)
    assert [info.in_use for info in await boxes.inventory() if info.id == BOX] == [True]
    await boxes.exec(BOX, ["sh", "-c", "echo go >gate"])
    assert (await call).exit_code == 0


async def check_destroy_removes_everything(boxes: Sandboxes) -> None:
    await sh(boxes, "echo kept >file")
    await boxes.destroy(BOX)
    await boxes.destroy(BOX)
    assert (await sh(boxes, "cat file || echo none")).output.endswith(b"none\n")


async def check_start_is_idempotent(boxes: Sandboxes) -> None:
    await asyncio.gather(*(boxes.start(BOX) for _ in range(5)))
    inside = await sh(boxes, "echo $BASHPID")
    await boxes.start(BOX)
    assert (await sh(boxes, "echo $BASHPID")).output == inside.output


async def check_names_are_checked(boxes: Sandboxes) -> None:
    for name in ("../up", "a/b", "", ".", "..", "a\0"):
        await _refused(boxes.start(name), SandboxError)


async def check_snapshots_keep_files_as_they_were(boxes: Sandboxes) -> None:
    """Also deleted and replaced ones, those of root and of packages; the sandbox itself goes on from there."""
    await sh(boxes, "mkdir -p d/e; echo 1 >d/e/a; echo 1 >b; echo 1 >c; echo 1 >/etc/made; echo 1 >/usr/local/bin/made")
    first = await boxes.snapshot(BOX)
    await sh(
        boxes, "cd /workspace; rm -r d c; mkdir c; echo 2 >c/x; echo 2 >b; rm /etc/made; echo 2 >/usr/local/bin/made"
    )
    second = await boxes.snapshot(BOX)
    await sh(boxes, "cd /workspace; rm -r c; echo 3 >b")
    try:
        assert await _shown(boxes, BOX) == b"3\n2\nb\n"
        await boxes.restore(second, "second")
        assert await _shown(boxes, "second") == b"2\n2\nb\nc\n"
        await boxes.restore(first, "first")
        assert await _shown(boxes, "first") == b"1\n1\n1\nb\nc\nd\n"
    finally:
        for name, snapshot in (("first", first), ("second", second)):
            await boxes.destroy(name)
            await boxes.remove_snapshot(snapshot)
            await boxes.remove_snapshot(snapshot)


async def _shown(boxes: Sandboxes, sandbox: str) -> bytes:
    script = "cd /workspace; cat b /etc/made /usr/local/bin/made 2>/dev/null; ls"
    return (await boxes.shell(sandbox, script, run=fresh_run(), timeout=30, output_limit=_LIMIT)).output


async def check_forks_are_apart(boxes: Sandboxes) -> None:
    await sh(boxes, "echo common >file")
    snapshot = await boxes.snapshot(BOX)
    names = [f"fork-{number}" for number in range(3)]
    try:
        for name in names:
            await boxes.restore(snapshot, name)
        await boxes.remove_snapshot(snapshot)
        await _refused(boxes.restore(snapshot, "late"), UnknownSnapshot)
        await _refused(boxes.restore(snapshot, names[0]), SandboxError)
        for name in names:
            script = f"cd /workspace; echo {name} >>file; cat file"
            result = await boxes.shell(name, script, run=fresh_run(), timeout=30, output_limit=_LIMIT)
            assert result.output == f"common\n{name}\n".encode(), result
        await boxes.destroy(names[0])
        assert (await sh(boxes, "cat /workspace/file")).output == b"common\n"
    finally:
        for name in names:
            await boxes.destroy(name)


async def check_a_snapshot_of_nothing(boxes: Sandboxes) -> None:
    """Of a sandbox that has never run."""
    snapshot = await boxes.snapshot(BOX)
    await boxes.restore(snapshot, "other")
    try:
        result = await boxes.shell("other", "pwd; ls", run=fresh_run(), timeout=30, output_limit=_LIMIT)
        assert result.output == b"/workspace\n", result
    finally:
        await boxes.destroy("other")
        await boxes.remove_snapshot(snapshot)


CHECKS: list[Callable[[Sandboxes], Awaitable[None]]] = [
    check for name, check in list(globals().items()) if name.startswith("check_")
]


async def run_checks(factory: Callable[[], AbstractAsyncContextManager[Sandboxes]]) -> list[Check]:
    """Run every check with a provider from `factory`; each failure is a finding."""
    found: list[Check] = []
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        async with factory() as boxes:
            try:
                await check(boxes)
                found.append(Check(name, "ok", ""))
            except Exception as error:
                found.append(Check(name, "fail", f"{type(error).__name__}: {error}"))
            finally:
                await boxes.destroy(BOX)
    return found
