import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from journeyman.sandboxes.local import LocalSandboxes


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
async def boxes(data_dir: Path, anyio_backend: str) -> AsyncIterator[LocalSandboxes]:
    """A provider whose sandboxes are gone afterwards, whatever the test did."""
    provider = LocalSandboxes(data_dir)
    yield provider
    for link in (data_dir / "sandboxes" / "names").glob("*"):
        await provider.destroy(link.name)
    await provider.close()
    left = [path.name for path in (data_dir / "sandboxes").glob("[0-9]*")]
    assert not left, left
    assert not list((data_dir / "sandboxes" / "rt").glob("*"))


@pytest.fixture(autouse=True)
def has_runtime() -> None:
    if shutil.which("runc") is None:
        pytest.skip("runc is not installed")
