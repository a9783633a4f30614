"""cargo, gem and go through the way out of a sandbox, without proxy variables, from registries of the tests' own."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sandboxes import tiny_registry
from sandboxes.tiny_registry import CRATE, GEM, MODULE, TAG, VERSION

from journeyman.egress.client import Egress
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.local.buildlog import BuildLog
from journeyman.sandboxes.local.packages import steps
from journeyman.sandboxes.port import EnvironmentFailed, Network, Spec

pytestmark = pytest.mark.anyio
HOST = socket.gethostname()
_OF_SANDBOXES = "/usr/local/bin:/usr/bin:/bin"
_SPARSE = (1, 68)
"""The first cargo that reads an index over HTTP without git."""


class Manager(NamedTuple):
    name: str
    place: str
    """The file of a sandbox in which it is told its registry."""
    told: str
    by_hand: str
    """Installs the newest and runs it."""
    package: str
    program: str

    @property
    def versioned(self) -> str:
        return self.package + {"cargo": "@", "gem": ":", "go": "@v"}[self.name] + VERSION


_REPLACED = '[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+{}/cargo/"\n'
_PROXIED = f"GOPROXY={{}}/go\nGOSUMDB=off\nGOFLAGS=-tags={TAG}\n"
MANAGERS = (
    Manager(
        "cargo", "/root/.cargo/config.toml", _REPLACED, f"cargo install {CRATE} && ~/.cargo/bin/{CRATE}", CRATE, CRATE
    ),
    Manager("gem", "/root/.gemrc", ":sources:\n- {}/gem/\n", f"gem install {GEM} && {GEM}", GEM, GEM),
    Manager(
        "go",
        "/root/.config/go/env",
        _PROXIED,
        f"go install {MODULE}@latest && ~/go/bin/tiny-module",
        MODULE,
        "tiny-module",
    ),
)


@pytest.fixture(params=MANAGERS, ids=[each.name for each in MANAGERS])
def manager(request: pytest.FixtureRequest) -> Manager:
    found: Manager = request.param
    program = shutil.which(found.name, path=_OF_SANDBOXES)
    if program is None:
        pytest.skip(f"{found.name} is not installed where sandboxes see it")
    if found.name == "cargo":
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        if tuple(map(int, said.split()[1].split(".")[:2])) < _SPARSE:
            pytest.skip(f"{said.strip()} is too old for a sparse index")
    return found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the registries, as sandboxes that may reach this machine name it."""
    if not socket.gethostbyname(HOST).startswith("127."):
        pytest.skip("the machine's name does not lead to its loopback")
    place = tmp_path_factory.mktemp("registries")
    with tiny_registry.served(place) as port:
        address = f"http://{HOST}:{port}"
        tiny_registry.crates(place / "cargo", f"{address}/cargo")
        tiny_registry.modules(place / "go")
        if shutil.which("ruby"):
            tiny_registry.gems(place / "gem")
        yield address


@pytest.fixture
async def boxes(tmp_path: Path) -> AsyncIterator[LocalSandboxes]:
    provider = LocalSandboxes(tmp_path, allow_private=[HOST])
    yield provider
    for info in await provider.recover():
        await provider.destroy(info.id)
    await provider.close()
    await Egress(tmp_path / "egress").stop()


async def shell(boxes: LocalSandboxes, script: str, box: str = "box") -> tuple[int | None, bytes]:
    bash = f"env | grep -i _proxy=\nbash <<'END'\n{script}\nEND"
    result = await boxes.shell(box, bash, run=fresh_run(), timeout=120, output_limit=100_000)
    assert b"_proxy=" not in result.output.lower()
    return result.exit_code, result.output


async def tell(boxes: LocalSandboxes, manager: Manager, address: str) -> None:
    """Create the sandbox, and have the manager use the registry at an address."""
    await boxes.create("box", Spec(network=Network("limited", (HOST,))))
    told = manager.told.format(address).encode()
    await boxes.write("box", manager.place, told, run=fresh_run(), note="")


async def test_by_hand(boxes: LocalSandboxes, manager: Manager, address: str) -> None:
    await tell(boxes, manager, address)
    code, said = await shell(boxes, manager.by_hand)
    assert code == 0 and said.decode().splitlines()[-1] == manager.program, said.decode()


async def test_as_packages_of_an_environment(boxes: LocalSandboxes, manager: Manager, address: str) -> None:
    """The very steps of a build; what they installed is there in another sandbox that begins with these files."""
    await tell(boxes, manager, address)

    async def install(package: str) -> None:
        wanted = steps(((manager.name, (package,)),))
        await BuildLog("k" * 64, "host", lambda script: shell(boxes, script)).install(wanted)

    with pytest.raises(EnvironmentFailed, match=f"{manager.name} could not install {manager.package}nt: .*\n"):
        await install(f"{manager.package}nt")
    await install(manager.versioned)
    await install(manager.package)
    snapshot = await boxes.snapshot("box")
    await boxes.restore(snapshot, "other")
    assert await shell(boxes, f"cd / && {manager.program}", "other") == (0, f"{manager.program}\n".encode())
    await boxes.remove_snapshot(snapshot)


async def test_a_refusal_is_understood(boxes: LocalSandboxes, manager: Manager) -> None:
    """It comes over TLS, from an authority that the manager must trust to show it."""
    await tell(boxes, manager, "https://refused.test")
    code, said = await shell(boxes, manager.by_hand)
    assert code and b"403" in said, said.decode()
