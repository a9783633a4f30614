"""Keyed runs and one-shot programs."""

import asyncio

from journeyman.sandboxes.conformance.calls import BOX, LIMIT, fresh_run, refused, sh
from journeyman.sandboxes.port import (
    ExecResult,
    SandboxError,
    Sandboxes,
    ShellResult,
    StaleRun,
)


async def check_a_run_happens_once(boxes: Sandboxes) -> None:
    run = fresh_run()
    first = await boxes.shell(BOX, "echo once >>times; echo out", run=run, timeout=10, output_limit=LIMIT)
    again = await boxes.shell(BOX, "echo once >>times; echo out", run=run, timeout=10, output_limit=LIMIT)
    assert first == again, (first, again)
    assert (await sh(boxes, "wc -l <times")).output.strip() == b"1"


async def check_a_run_that_goes_on_is_waited_for(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate")
    run = fresh_run()
    calls = [
        boxes.shell(BOX, "read x <gate; echo $x; echo ran >>times", run=run, timeout=20, output_limit=LIMIT)
        for _ in range(3)
    ]
    *results, _ = await asyncio.gather(*calls, boxes.exec(BOX, ["sh", "-c", "echo word >gate"]))
    assert [result.output for result in results if isinstance(result, ShellResult)] == [b"word\n"] * 3, results
    assert (await sh(boxes, "wc -l <times")).output.strip() == b"1"


async def check_a_lower_fence_isrefused(boxes: Sandboxes) -> None:
    await boxes.shell(BOX, "true", run=fresh_run(5), timeout=10, output_limit=LIMIT)
    await boxes.shell(BOX, "true", run=fresh_run(5), timeout=10, output_limit=LIMIT)
    await refused(boxes.shell(BOX, "touch made", run=fresh_run(4), timeout=10, output_limit=LIMIT), StaleRun)
    await refused(boxes.write(BOX, "made", b"", run=fresh_run(4), note=""), StaleRun)
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
    await refused(sh(boxes, "echo \0"), SandboxError)


async def check_exec(boxes: Sandboxes) -> None:
    result = await boxes.exec(BOX, ["sh", "-c", 'cat; echo "$1" >&2; exit 4', "sh", "a b\n*"], stdin=b"in\0put")
    assert result == ExecResult(4, b"in\0put", b"a b\n*\n", False), result
    assert (await boxes.exec(BOX, ["pwd"], cwd="/tmp")).stdout == b"/tmp\n"
    assert (await boxes.exec(BOX, ["no-such-program"])).exit_code == 127


async def check_exec_is_bounded(boxes: Sandboxes) -> None:
    result = await boxes.exec(BOX, ["seq", "100000"], output_limit=1000)
    assert result.truncated and result.stdout.startswith(b"1\n2\n") and len(result.stdout) == 1000, result
    message = await refused(boxes.exec(BOX, ["sleep", "1234"], timeout=0.2), SandboxError)
    assert "sleep" in message, message
    assert (await sh(boxes, "pgrep -f 'sleep 123[4]' || echo none")).output == b"none\n"


async def check_execs_run_side_by_side(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo gate")
    reading = boxes.exec(BOX, ["cat", "gate"], timeout=20)
    writing = boxes.exec(BOX, ["sh", "-c", "echo through >gate"], timeout=20)
    read, _ = await asyncio.gather(reading, writing)
    assert read.stdout == b"through\n", read
