import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from egress.box import Box, World, connected, made_box

from journeyman.egress.client import Egress


@pytest.fixture(scope="session")
def has_namespaces() -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urn", "true"], check=False).returncode:
        pytest.skip("network namespaces cannot be made here")
    if os.geteuid() != 0:
        pytest.skip("needs root to give the egress process names of its own")


@pytest.fixture
def world(tmp_path: Path, has_namespaces: None) -> World:
    return World(tmp_path)


@pytest.fixture
def box(tmp_path: Path, has_namespaces: None) -> Iterator[Box]:
    with made_box(tmp_path / "box") as made:
        yield made


@pytest.fixture
async def egress(world: World) -> AsyncIterator[Egress]:
    """What may be reached although it is on loopback: only what these tests call `good`."""
    world.names(good_test="127.0.0.1", a_wild_test="127.0.0.1", b_a_wild_test="127.0.0.1", wild_test="127.0.0.1")
    async with connected(world, ["good.test", "a.wild.test", "b.a.wild.test", "wild.test"]) as client:
        yield client
