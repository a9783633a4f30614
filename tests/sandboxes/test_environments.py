"""Environments of the local provider: packages as layers, and the network that a sandbox is created with."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mirrors import private_registries

from journeyman.egress.client import Egress
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.port import EnvironmentFailed, Network, Spec

pytestmark = pytest.mark.anyio
OPEN = Network("unrestricted")
SIX = Spec(packages=(("pip", ("six",)),), network=OPEN)


@pytest.fixture(scope="session")
def registries() -> list[str]:
    return private_registries()


@pytest.fixture
async def boxes(tmp_path: Path, registries: list[str]) -> AsyncIterator[LocalSandboxes]:
    provider = LocalSandboxes(tmp_path, allow_private=registries)
    yield provider
    for info in await provider.recover():
        await provider.destroy(info.id)
    await provider.close()
    await Egress(tmp_path / "egress").stop()


async def said(boxes: LocalSandboxes, script: str, box: str = "box") -> str:
    result = await boxes.shell(box, script, run=fresh_run(), timeout=60, output_limit=100_000)
    return result.output.decode()


def layers(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "sandboxes" / "layers").glob("*"))


async def test_packages_are_installed_once(
    boxes: LocalSandboxes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asks for the same packages waits for the same build, in another order and after a restart too."""
    caplog.set_level(logging.INFO, "journeyman.environments")
    await asyncio.gather(*(boxes.prepare(SIX) for _ in range(3)))
    lines = [record.getMessage() for record in caplog.records]
    assert sum("pip is done" in line for line in lines) == 1, lines
    assert len(layers(tmp_path)) == 1
    for name in ("one", "two"):
        await boxes.create(name, SIX)
        assert await said(boxes, "cd /; python3 -c 'import six; print(six.__name__)'", name) == "six\n"
    await said(boxes, "pip uninstall -qy six", "one")
    assert "six" in await said(boxes, "python3 -c 'import six; print(six)'", "two")
    again = LocalSandboxes(tmp_path)
    await again.prepare(Spec(packages=(("pip", ("six", "six")),)))
    await again.close()
    assert sum("pip is done" in record.getMessage() for record in caplog.records) == 1
    assert not [info for info in await boxes.recover() if info.id.startswith("build-")]


async def test_a_package_that_fails_leaves_nothing(boxes: LocalSandboxes, tmp_path: Path) -> None:
    spec = Spec(packages=(("pip", ("no-such-package-in-the-world",)),), network=OPEN)
    with pytest.raises(EnvironmentFailed) as failure:
        await boxes.prepare(spec)
    message = str(failure.value)
    assert message.startswith("pip could not install no-such-package-in-the-world: ") and len(message.splitlines()) > 1
    assert layers(tmp_path) == []
    assert await boxes.recover() == []
    await boxes.create("box", spec)
    with pytest.raises(EnvironmentFailed):
        await said(boxes, "true")


async def test_a_base_without_the_manager_is_named(boxes: LocalSandboxes) -> None:
    with pytest.raises(EnvironmentFailed, match="no package manager 'brew'"):
        await boxes.prepare(Spec(packages=(("brew", ("jq",)),)))
    with pytest.raises(EnvironmentFailed, match="pip"):
        await boxes.prepare(Spec(packages=(("pip", ("--index-url=https://evil.test",)),)))


BUILDING = """
import asyncio, sys
from pathlib import Path
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.port import Network, Spec
spec = Spec(packages=(("pip", ("six",)),), network=Network("unrestricted"))
asyncio.run(LocalSandboxes(Path(sys.argv[1]), allow_private=sys.argv[2:]).prepare(spec))
"""


async def test_a_build_whose_server_was_killed(boxes: LocalSandboxes, tmp_path: Path, registries: list[str]) -> None:
    command = [sys.executable, "-c", BUILDING, str(tmp_path), *registries]
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    while not list((tmp_path / "sandboxes").glob("[0-9]*/runs/*.live")):
        await asyncio.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await boxes.recover()
    assert layers(tmp_path) == []
    await boxes.create("box", SIX)
    assert await said(boxes, "python3 -c 'import six; print(1)'") == "1\n"


async def test_limited_with_the_registries(boxes: LocalSandboxes) -> None:
    """Exactly the hosts that are named, and those that the package managers themselves say they use."""
    await boxes.create("box", Spec(network=Network("limited", ("allowed.test",), registries=True)))
    got = await said(boxes, "pip download -q --no-deps -d /tmp/x six && ls /tmp/x; curl -sS https://other.test/")
    assert "six" in got.splitlines()[0] and "config.networking.allowed_hosts" in got
    await boxes.create("box", Spec(network=Network("limited", ("allowed.test",))))
    got = await said(boxes, "pip download -q --no-deps -d /tmp/y six 2>&1 | tail -1")
    assert "six" in got and "ERROR" in got, "a policy counts from the next connection on"


async def test_refusals_are_told(boxes: LocalSandboxes) -> None:
    events = boxes.events()
    await boxes.create("box", Spec(network=OPEN))
    result = await boxes.shell(
        "box", "curl -sS http://10.1.2.3/; echo", run=fresh_run(), timeout=20, output_limit=10_000
    )
    assert b"egress.allow_private" in result.output
    assert [incident.kind for incident in result.incidents] == ["egress_denied"]
    assert "10.1.2.3" in result.incidents[0].detail
    assert (await anext(events)).incident == result.incidents[0]


async def test_a_sandbox_without_network_has_none(boxes: LocalSandboxes) -> None:
    got = await said(boxes, "curl -sS -m 5 http://10.1.2.3/; curl -sS -m 5 http://a.test/; true")
    assert "Could not resolve host" in got or "Failed to connect" in got or "Couldn't connect" in got
