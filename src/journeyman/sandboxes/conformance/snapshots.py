"""Snapshots and what is made from them."""

from journeyman.sandboxes.conformance.calls import BOX, LIMIT, fresh_run, refused, sh
from journeyman.sandboxes.port import (
    SandboxError,
    Sandboxes,
    UnknownSnapshot,
)


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
    return (await boxes.shell(sandbox, script, run=fresh_run(), timeout=30, output_limit=LIMIT)).output


async def check_forks_are_apart(boxes: Sandboxes) -> None:
    await sh(boxes, "echo common >file")
    snapshot = await boxes.snapshot(BOX)
    names = [f"fork-{number}" for number in range(3)]
    try:
        for name in names:
            await boxes.restore(snapshot, name)
        await boxes.remove_snapshot(snapshot)
        await refused(boxes.restore(snapshot, "late"), UnknownSnapshot)
        await refused(boxes.restore(snapshot, names[0]), SandboxError)
        for name in names:
            script = f"cd /workspace; echo {name} >>file; cat file"
            result = await boxes.shell(name, script, run=fresh_run(), timeout=30, output_limit=LIMIT)
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
        result = await boxes.shell("other", "pwd; ls", run=fresh_run(), timeout=30, output_limit=LIMIT)
        assert result.output == b"/workspace\n", result
    finally:
        await boxes.destroy("other")
        await boxes.remove_snapshot(snapshot)
