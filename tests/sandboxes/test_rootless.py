"""The same checks as a user without any privilege, and without subordinate ids."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")]
USER = 54_321


async def test_conformance_as_an_ordinary_user() -> None:
    # Not below tmp_path, which another user cannot enter.
    data_dir = Path(tempfile.mkdtemp(prefix="rootless-"))
    os.chown(data_dir, USER, USER)
    try:
        command = [sys.executable, str(Path(__file__).with_name("rootless.py")), str(USER), str(data_dir)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd="/")
        assert process.stdout is not None
        output = (await process.stdout.read()).decode()
        assert await process.wait() == 0
        left = [path.name for path in (data_dir / "sandboxes").iterdir() if path.name.isdigit()]
    finally:
        shutil.rmtree(data_dir)
    assert left == []
    lines = output.splitlines()
    assert "doctor ids warn" in lines
    assert "doctor runtime ok" in lines
    assert [line for line in lines if " fail " in line] == []
    assert len(lines) > 40
