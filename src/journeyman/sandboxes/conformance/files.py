"""Reading and writing."""

import asyncio
import hashlib

from journeyman.sandboxes.conformance.calls import BOX, LIMIT, fresh_run, refused, sh
from journeyman.sandboxes.port import (
    SandboxError,
    Sandboxes,
    Spec,
)


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


async def check_write_anywhere(boxes: Sandboxes) -> None:
    """Where the sandbox's root may: also beside files of the base, of a snapshot and of its other users."""
    await sh(boxes, "mkdir made theirs; echo old >made/old; chmod 750 made/old; chown 1:1 theirs || :")
    snapshot = await boxes.snapshot(BOX)
    modes = {"/etc/new": 644, "/usr/local/lib/a/new": 644, "made/old": 750, "made/a/new": 644, "theirs/new": 644}
    try:
        await boxes.restore(snapshot, "restored")
        for path in modes:
            await boxes.write("restored", path, b"new\n", run=fresh_run(), note="")
        script = f"stat -c '%U %a' {' '.join(modes)}; cat {' '.join(modes)}"
        result = await boxes.shell("restored", script, run=fresh_run(), timeout=30, output_limit=LIMIT)
        told = [*(f"root {mode}" for mode in modes.values()), *("new" for _ in modes)]
        assert result.output.decode().splitlines() == told, result
    finally:
        await boxes.destroy("restored")
        await boxes.remove_snapshot(snapshot)


async def check_write_compares(boxes: Sandboxes) -> None:
    old = hashlib.sha256(b"old").hexdigest()
    await boxes.write(BOX, "file", b"old", run=fresh_run(), note="")
    await boxes.write(BOX, "file", b"new", run=fresh_run(), note="", if_sha256=old)
    await refused(boxes.write(BOX, "file", b"newer", run=fresh_run(), note="", if_sha256=old), SandboxError)
    await refused(boxes.write(BOX, "none", b"newer", run=fresh_run(), note="", if_sha256=old), SandboxError)
    assert (await boxes.read(BOX, "file", limit=10)).data == b"new"


async def check_a_write_happens_once(boxes: Sandboxes) -> None:
    run = fresh_run()
    assert await boxes.recorded(BOX, run) is None
    await boxes.write(BOX, "file", b"first", run=run, note="first note")
    await sh(boxes, "echo changed >file")
    assert await boxes.write(BOX, "file", b"first", run=run, note="other note") == "first note"
    assert await boxes.recorded(BOX, run) == "first note"
    assert (await boxes.read(BOX, "file", limit=100)).data == b"changed\n"


async def check_odd_files_arerefused(boxes: Sandboxes) -> None:
    await sh(boxes, "mkfifo fifo; ln -s /dev/zero zero; ln -s loop loop; mkdir dir; ln -s /proc/self/root/etc magic")
    for path in ("fifo", "zero", "loop", "/dev/zero", "/dev/tty", "magic/passwd", "dir/x/../../fifo/x", "a\0b", ""):
        await refused(asyncio.wait_for(boxes.read(BOX, path, limit=10), 5), (Exception))
    for path in ("fifo", "zero", "loop", "/dev/zero", "/proc/self/comm", "fifo/x", "a\0b", ""):
        await refused(boxes.write(BOX, path, b"x", run=fresh_run(), note=""), Exception)
    await refused(boxes.read(BOX, "none", limit=10), FileNotFoundError)
    await refused(boxes.read(BOX, "dir", limit=10), IsADirectoryError)
    await refused(boxes.write(BOX, "dir", b"x", run=fresh_run(), note=""), IsADirectoryError)


async def check_huge_files_are_read_in_part(boxes: Sandboxes) -> None:
    await sh(boxes, "truncate -s 9G huge; printf end | dd of=huge bs=1 seek=9000000000 conv=notrunc status=none")
    found = await boxes.read(BOX, "huge", offset=9_000_000_000, limit=3)
    assert found == (b"end", 9 << 30, None), found


async def check_scan(boxes: Sandboxes) -> None:
    """Regular files only, with size and time; no link leads out."""
    await sh(boxes, "mkdir -p out/a/b; echo one >out/z; echo two >out/a/b/y; ln -s /etc out/link; mkfifo out/pipe")
    await sh(boxes, "ln -s out elsewhere; touch -d '2020-01-01T00:00:00Z' out/z")
    found = await boxes.scan(BOX, "out", limit=100)
    assert [(entry.path, entry.size) for entry in found] == [("a/b/y", 4), ("z", 4)], found
    assert found[1].changed == 1_577_836_800 * 10**9, found
    assert len(await boxes.scan(BOX, "/workspace/out", limit=1)) == 1
    for path in ("nothing", "out/z", "elsewhere", "/proc/1"):
        assert await boxes.scan(BOX, path, limit=10) == [], path


async def check_shares(boxes: Sandboxes) -> None:
    """What is shared can be read and not be changed; it changes while the sandbox runs, and is there after a stop."""
    await boxes.create(BOX, Spec(shares=(("notes", "/mnt/notes"),)))
    await boxes.share(BOX, "notes", {"a": b"one", "deep/er/b": b"two"})
    assert (await sh(boxes, "cat /mnt/notes/a /mnt/notes/deep/er/b")).output == b"onetwo"
    for command in ("echo x >/mnt/notes/a", "rm /mnt/notes/a", "touch /mnt/notes/new", "umount /mnt/notes"):
        assert (await sh(boxes, f"{command} 2>/dev/null")).exit_code, command
    await boxes.share(BOX, "notes", {"a": b"three", "deep": b"four"})
    assert (await sh(boxes, "cat /mnt/notes/a /mnt/notes/deep; ls /mnt/notes")).output == b"threefoura\ndeep\n"
    await boxes.stop(BOX)
    assert (await sh(boxes, "cat /mnt/notes/a")).output == b"three"
    await boxes.share(BOX, "notes", {})
    assert (await sh(boxes, "ls -A /mnt/notes")).output == b""
