import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import Home
from journeyman.sandboxes.local import LocalSandboxes


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    if (home.data_dir / "sandboxes").exists():
        asyncio.run(_destroy_sandboxes(home.data_dir))


async def _destroy_sandboxes(data_dir: Path) -> None:
    """They outlive their server, as they should; not the test."""
    sandboxes = LocalSandboxes(data_dir)
    for found in await sandboxes.recover():
        await sandboxes.destroy(found.id)
    await sandboxes.close()
