"""Skills get into sandboxes of either provider: once, and again into a new one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from journeyman.blobs.disk import DiskBlobs
from journeyman.runtime.skills import SkillFiles
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local.hosting import Hosting
from journeyman.skills.bundle import Bundle, File, pack_zip
from journeyman.skills.catalogue import VERSION, Catalogue

pytestmark = [pytest.mark.anyio, pytest.mark.documented]

PROGRAM = File("scripts/run.sh", b"#!/bin/sh\necho ran\n", executable=True)


@pytest.mark.parametrize("boxes", ["local", "docker"], indirect=True)
async def test_skills_are_placed(boxes: Hosting, tmp_path: Path) -> None:
    """facts 12.3: /workspace/skills/<name>, also in an image without tar.

    A deleted one is left out, and what the agent changes stays.
    """
    blobs = DiskBlobs(tmp_path)
    large = File("data.bin", bytes(range(256)) * 40_000)

    async def content() -> AsyncIterator[bytes]:
        yield pack_zip(Bundle("mine", "d", [File("SKILL.md", b"mine"), PROGRAM, large]))

    await blobs.put("skills/mine", content())
    catalogue = Catalogue()
    wanted: list[dict[str, Any]] = [
        {"skill_id": "skill_1", "id": "skver_1", "name": "mine", "directory": "mine", "blob": "skills/mine"},
        {"skill_id": "skill_2", "id": "skver_2", "name": "gone", "directory": "gone", "blob": "skills/gone"},
        {"skill_id": "pdf", "id": VERSION, "name": "pdf", "directory": "pdf", "blob": None},
    ]
    skills = SkillFiles(blobs, catalogue, boxes)

    async def sh(script: str) -> str:
        return (await boxes.shell("box", script, run=fresh_run(), timeout=60, output_limit=10_000)).output.decode()

    await skills.place("box", 0, wanted)
    assert await sh("cd /workspace/skills; ls; mine/scripts/run.sh; wc -c <mine/data.bin") == (
        f"mine\npdf\nran\n{len(large.data)}\n"
    )
    await sh("echo changed >/workspace/skills/mine/SKILL.md")
    await skills.place("box", 0, wanted)
    assert await sh("cat /workspace/skills/mine/SKILL.md") == "changed\n"
    await boxes.destroy("box")
    await skills.place("box", 0, wanted)
    assert await sh("cat /workspace/skills/mine/SKILL.md") == "mine"
