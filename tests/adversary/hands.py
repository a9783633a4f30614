"""What the server's own hands do, and that they never take long, leave the sandbox or fail in an unknown way."""

import asyncio

from adversary.scene import Scene
from journeyman.sandboxes.port import SandboxError

ANSWERS = (OSError, SandboxError)
"""What a call may raise; anything else is a mistake of the server's."""


async def read(scene: Scene, path: str) -> bytes:
    """What the server reads, or nothing where it refuses; never long."""
    async with asyncio.timeout(5):
        try:
            return (await scene.boxes.read(scene.box, path, limit=1000)).data
        except ANSWERS as error:
            assert str(scene.data_dir) not in str(error).replace(path, ""), error
            return b""


async def write(scene: Scene, path: str, data: bytes = b"written") -> bool:
    async with asyncio.timeout(5):
        try:
            await scene.put(path, data)
        except ANSWERS as error:
            assert str(scene.data_dir) not in str(error).replace(path, ""), error
            return False
        return True


def untouched(scene: Scene) -> None:
    assert scene.secret_file.read_text() == scene.secret
    assert {path.name for path in scene.data_dir.iterdir() if not path.name.startswith("data-")} <= {
        "egress",
        "images",
        "sandboxes",
        "secret",
    }
