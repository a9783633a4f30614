import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adversary.scene import Scene, staged


@pytest.fixture(scope="package")
async def scene(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Scene]:
    data_dir: Path = tmp_path_factory.mktemp("adversary")
    async with staged(data_dir) as each:
        yield each
    left = [path.name for path in (data_dir / "sandboxes").glob("[0-9]*")]
    assert not left, left
    assert not list((data_dir / "sandboxes" / "rt").glob("*"))


@pytest.fixture(scope="session", autouse=True)
def has_runtime() -> None:
    if shutil.which("runc", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin") is None:
        pytest.skip("runc is not installed")
