import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import destroy_sandboxes

from cli.command import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    if (home.data_dir / "sandboxes").exists():
        asyncio.run(destroy_sandboxes(home.data_dir))
