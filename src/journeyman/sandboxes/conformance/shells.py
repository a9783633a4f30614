"""Persistent shells: state, output, endings, jobs."""

import asyncio

from journeyman.sandboxes.conformance.calls import BOX, LIMIT, fresh_run, sh
from journeyman.sandboxes.port import (
    Sandboxes,
    ShellResult,
)


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
    await boxes.shell(BOX, "x=1; cd /", run=fresh_run(), timeout=10, output_limit=LIMIT, shell="one")
    other = await boxes.shell(BOX, "echo [$x] $PWD", run=fresh_run(), timeout=10, output_limit=LIMIT, shell="two")
    assert other.output == b"[] /workspace\n", other


async def check_runs_of_one_shell_are_in_order(boxes: Sandboxes) -> None:
    await asyncio.gather(*(sh(boxes, f"echo {n} >>order; echo {n} >>order") for n in range(8)))
    lines = (await sh(boxes, "cat order")).output.split()
    assert lines[::2] == lines[1::2], lines


async def check_shells_run_side_by_side(boxes: Sandboxes) -> None:
    waiting = boxes.shell(BOX, "read x <gate", run=fresh_run(), timeout=20, output_limit=LIMIT, shell="waiting")
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
        boxes.shell(BOX, "echo begun >begun; sleep 1234", run=run, timeout=60, output_limit=LIMIT)
    )
    await boxes.exec(BOX, ["cat", "begun"])
    began = loop.time()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled() and loop.time() - began < 1.5, loop.time() - began
    again = await boxes.shell(BOX, "echo again", run=run, timeout=10, output_limit=LIMIT)
    assert again.cancelled and again.exit_code is None, again
    left = await sh(boxes, "pgrep -af 'sleep 123[4]' || echo none")
    assert left.output == b"none\n", left
