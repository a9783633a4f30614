"""Starting, stopping, expiring, destroying."""

import asyncio

from journeyman.sandboxes.conformance.calls import BOX, LIMIT, fresh_run, refused, sh
from journeyman.sandboxes.port import (
    SandboxError,
    Sandboxes,
    ShellResult,
    Spec,
)


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
    await boxes.shell(BOX, "cd /; x=1", run=fresh_run(), timeout=10, output_limit=LIMIT, shell="other")
    await boxes.stop(BOX)
    result = await sh(boxes, "pwd; printenv WORD; echo ${list[1]}; greet you")
    assert result == ShellResult(b"/tmp/here\nkept\nb c\nhello you\n", 0, 29), result
    await boxes.stop(BOX)
    await boxes.stop(BOX)
    other = await boxes.shell(BOX, "pwd; echo $x", run=fresh_run(), timeout=10, output_limit=LIMIT, shell="other")
    assert other == ShellResult(b"/\n1\n", 0, 4), other


async def check_variables(boxes: Sandboxes) -> None:
    """In every shell and program, also after a stop; a change counts in the next shell; its own are not replaced."""
    await boxes.create(BOX, Spec(variables=(("TOKEN", "it's one"), ("PATH", "/nowhere"))))
    for _ in range(2):
        assert (await sh(boxes, "printenv TOKEN; ls / | grep -c bin")).output.startswith(b"it's one\n")
        assert (await boxes.exec(BOX, ["printenv", "TOKEN"])).stdout == b"it's one\n"
        await boxes.stop(BOX)
    await sh(boxes, "true")
    await boxes.create(BOX, Spec(variables=(("TOKEN", "two"),)))
    assert (await sh(boxes, "printenv TOKEN")).output == b"it's one\n"
    await boxes.restart_shell(BOX, run=fresh_run())
    assert (await sh(boxes, "printenv TOKEN")).output == b"two\n"


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
        await refused(boxes.start(name), SandboxError)
