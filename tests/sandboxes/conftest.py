import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from container_engine import IMAGE, Podman, podman

from journeyman.sandboxes.docker import DockerSandboxes
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.local.gvisor import OLDEST, release
from journeyman.sandboxes.local.hosting import Hosting


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def engine() -> Iterator[Podman]:
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    # Not pytest's own directory: podman has a limit on the length of paths.
    with (
        tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as place,
        podman(Path(place)) as each,
    ):
        yield each


@pytest.fixture(scope="session")
def runsc() -> str:
    """The path of a gVisor that will do."""
    path = shutil.which("runsc")
    if path is None:
        pytest.skip("runsc is not installed")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if release(said) < OLDEST:
        pytest.skip("runsc is too old")
    return path


@pytest.fixture
async def boxes(request: pytest.FixtureRequest, data_dir: Path, anyio_backend: str) -> AsyncIterator[Hosting]:
    """A provider whose sandboxes are gone afterwards, whatever the test did.

    `local` unless a test says `gvisor` or `docker`.
    """
    if getattr(request, "param", "local") == "docker":
        data_dir = data_dir / "docker"
        provider: Hosting = DockerSandboxes(data_dir, socket=request.getfixturevalue("engine").socket, base=IMAGE)
    elif getattr(request, "param", "local") == "gvisor":
        provider = LocalSandboxes(data_dir, runtime=request.getfixturevalue("runsc"))
    else:
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
