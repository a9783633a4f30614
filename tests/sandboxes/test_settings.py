"""What `[sandbox]` says is what a sandbox is like."""

import os
from pathlib import Path

import pytest

from journeyman.app.backends import make_sandboxes
from journeyman.config import SandboxSection, ServerSection, Settings
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.port import SandboxUnavailable, ShellResult, Spec

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
_LOOK = (
    "ulimit -n; cat /proc/sys/user/max_inotify_instances /proc/sys/user/max_inotify_watches; "
    "df --block-size=1 --output=size /dev/shm | tail -n 1"
)
_MANY = "python3 -c 'import os, time; [os.fork() or time.sleep(60) for _ in range(60)]'"


async def test_settings_reach_the_sandbox(tmp_path: Path) -> None:
    section = SandboxSection(
        base="absent", memory_gb=0.25, processes=48, open_files=300, inotify_instances=7, inotify_watches=77
    )
    boxes = make_sandboxes(Settings(server=ServerSection(data_dir=tmp_path), sandbox=section))

    async def sh(script: str) -> ShellResult:
        return await boxes.shell("box", script, run=fresh_run(), timeout=60, output_limit=10_000)

    try:
        with pytest.raises(SandboxUnavailable, match="no image absent"):
            await boxes.start("other")
        await boxes.create("box", Spec(base="host"))
        assert (await sh(_LOOK)).output.split() == [b"300", b"7", b"77", str((1 << 30) // 16).encode()]
        assert "too_many_processes" in [each.kind for each in (await sh(_MANY)).incidents]
    finally:
        for name in ("box", "other"):
            await boxes.destroy(name)
        await boxes.close()
