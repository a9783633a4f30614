"""What belongs to the docker provider alone, with podman's service as the engine."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from container_engine import IMAGE, Podman
from layout import smallest, tar
from machine_image import write_image
from mirrors import private_registries

from journeyman.config import SandboxSection
from journeyman.egress.client import Egress
from journeyman.egress.identity import identify
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.docker import DockerSandboxes
from journeyman.sandboxes.docker.bases import EngineBases
from journeyman.sandboxes.docker.container import config
from journeyman.sandboxes.docker.facts import Facts
from journeyman.sandboxes.local import Limits
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.namespace import ImageFailed
from journeyman.sandboxes.port import Network, SandboxUnavailable, ShellResult, Spec

pytestmark = pytest.mark.anyio
MB = 1 << 20
Make = Callable[..., DockerSandboxes]


@pytest.fixture
async def make(tmp_path: Path, engine: Podman, anyio_backend: str) -> AsyncIterator[Make]:
    """Providers on one data directory; their sandboxes are gone afterwards."""
    made: list[DockerSandboxes] = []

    def provider(base: str = IMAGE, allow_private: tuple[str, ...] = (), **limits: float) -> DockerSandboxes:
        options = {"limits": Limits(**limits)} if limits else {}  # pyright: ignore[reportArgumentType]
        made.append(DockerSandboxes(tmp_path, socket=engine.socket, base=base, allow_private=allow_private, **options))
        return made[-1]

    yield provider
    for info in await made[-1].recover():
        await made[-1].destroy(info.id)
    for each in made:
        await each.close()
    await Egress(tmp_path / "egress").stop()
    assert engine.containers() == []
    assert not list((tmp_path / "sandboxes").glob("[0-9]*"))


async def sh(boxes: DockerSandboxes, script: str, box: str = "box") -> ShellResult:
    return await boxes.shell(box, script, run=fresh_run(), timeout=60, output_limit=100_000)


@pytest.mark.parametrize("moment", ["created", "started"])
async def test_a_server_killed_while_it_starts(make: Make, engine: Podman, tmp_path: Path, moment: str) -> None:
    server = str(Path(__file__).with_name("docker_server.py"))
    process = await asyncio.create_subprocess_exec(sys.executable, server, str(tmp_path), engine.socket, IMAGE)
    seen = engine.containers if moment == "created" else lambda: engine.run("ps", "--format", "{{.Names}}").split()
    while not seen():
        assert process.returncode is None
        await asyncio.sleep(0)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    boxes = make()
    assert [info.id for info in await boxes.recover()] == ["box"]
    assert await sh(boxes, "echo alive; pgrep -c bash") == ShellResult(b"alive\n2\n", 0, 8)


async def test_a_container_without_a_sandbox_is_removed(make: Make, engine: Podman, tmp_path: Path) -> None:
    boxes = make()
    await boxes.start("box")
    [name] = engine.containers()
    (tmp_path / "sandboxes" / "names" / "box").unlink()
    await boxes.close()
    assert await make().recover() == []
    assert engine.containers() == [], name


async def test_a_container_that_somebody_removed(make: Make, engine: Podman) -> None:
    boxes = make()
    await sh(boxes, "echo kept >file; cd /tmp")
    await asyncio.to_thread(engine.run, "rm", "--force", *engine.containers())
    result = await sh(boxes, "pwd; ls /workspace")
    assert [each.kind for each in result.incidents] == ["replaced"], result
    assert result.output == b"/workspace\n"
    assert not (await sh(boxes, "true")).incidents
    engine.run("rm", "--force", *engine.containers())
    await boxes.destroy("box")


async def test_a_container_that_somebody_stopped(make: Make, engine: Podman) -> None:
    boxes = make()
    await sh(boxes, "echo kept >file; cd /tmp")
    await asyncio.to_thread(engine.run, "kill", *engine.containers())
    result = await sh(boxes, "cat /workspace/file")
    assert result.output == b"kept\n" and result.restarted, result
    engine.end()
    assert (await sh(boxes, "cat /workspace/file")).output == b"kept\n", "a running one needs no engine"
    with pytest.raises(SandboxUnavailable, match="does not answer"):
        await boxes.start("other")
    engine.start()
    assert (await sh(boxes, "cat /workspace/file")).output == b"kept\n"
    await boxes.destroy("other")


async def test_a_sandbox_is_confined(make: Make, tmp_path: Path) -> None:
    boxes = make()
    look = "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; cat /proc/cmdline /proc/slabinfo"
    said = (await sh(boxes, f"{look}; ls /sys /sys/fs/cgroup")).output
    assert said == b"CapBnd:\t00000000000405fb\nNoNewPrivs:\t1\nSeccomp:\t2\n/sys:\nfs\n\n/sys/fs/cgroup:\n"
    for attempt in ("mount -t tmpfs none /mnt", "mknod /tmp/sda b 8 0", "echo 1 >/proc/sys/vm/overcommit_memory"):
        assert (await sh(boxes, attempt)).exit_code != 0, attempt
    for path in ("/run/journeyman/init", "/etc/resolv.conf", "/run/.containerenv"):
        assert (await sh(boxes, f"echo x >>{path}")).exit_code != 0, path
    await sh(boxes, f"ln -s {tmp_path} link; ln -s /proc/1/root/etc/shadow shadow")
    for path in ("link/sandboxes/lock", "shadow"):
        with pytest.raises(Exception, match=r"No such|magic|link"):
            await boxes.read("box", path, limit=10)


async def test_limits(make: Make) -> None:
    boxes = make(memory=96 * MB, processes=64, disk=200 * MB)
    hog = await sh(boxes, "head -c 300000000 /dev/zero | tail -c 299999999 | wc -c; echo after")
    assert hog.output.endswith(b"after\n") and b"299999999" not in hog.output
    assert [each.kind for each in hog.incidents] == ["out_of_memory"], hog
    bomb = await sh(boxes, "for n in {1..100}; do sleep 5 & done 2>/dev/null; kill %1; true")
    assert "too_many_processes" in [each.kind for each in bomb.incidents], bomb
    await sh(boxes, "kill $(jobs -p)")
    disk = await sh(boxes, "dd if=/dev/zero of=large bs=1M count=2000 status=none; rm large")
    assert [each.kind for each in disk.incidents] == ["disk_full"], disk
    assert (await sh(boxes, "rm -f large; echo alive")).output == b"alive\n"
    assert {each.name: each.status for each in await boxes.doctor()}["memory"] == "ok"


async def test_the_network_is_what_the_policy_says(make: Make) -> None:
    boxes = make()
    await boxes.create("box", Spec(network=Network("limited", ("allowed.test",))))
    result = await sh(boxes, "curl -sS http://other.test/")
    assert b"allowed_hosts" in result.output and [each.kind for each in result.incidents] == ["egress_denied"], result
    result = await sh(boxes, "cat /proc/net/dev | wc -l", "closed")
    assert result.output == b"3\n", "loopback alone"
    assert (await sh(boxes, "curl -sS -m 5 http://allowed.test/", "closed")).exit_code != 0


async def test_packages_are_installed_once(make: Make, engine: Podman, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "journeyman.environments")
    boxes = make(allow_private=tuple(private_registries()))
    spec = Spec(packages=(("pip", ("six",)),), network=Network("unrestricted"))
    await asyncio.gather(*(boxes.prepare(spec) for _ in range(2)))
    for name in ("one", "two"):
        await boxes.create(name, spec)
        assert (await sh(boxes, "python3 -c 'import six; print(six.__name__)'", name)).output == b"six\n"
    assert sum("pip is done" in record.getMessage() for record in caplog.records) == 1
    [layer] = [image for image in engine.images() if "/env-" in image]
    for name in ("one", "two"):
        await boxes.destroy(name)
    engine.run("rmi", layer)


async def test_what_is_missing_is_said(make: Make, tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="no image nonesuch"):
        await make(base="nonesuch").start("box")
    absent = DockerSandboxes(tmp_path / "absent", socket=str(tmp_path / "none"))
    with pytest.raises(SandboxUnavailable, match=r"\[sandbox.docker\], socket"):
        await absent.start("box")
    [check] = await absent.doctor()
    assert (check.name, check.status) == ("engine", "fail") and check.fix
    await absent.close()
    boxes = make()
    assert [check for check in await boxes.doctor() if check.status == "fail"] == []
    with pytest.raises(SandboxUnavailable, match=r"sandbox.base"):
        await boxes.create("box", Spec(base="host"))
        await boxes.start("box")
    await boxes.destroy("box")


def test_images_are_the_engines(engine: Podman, tmp_path: Path) -> None:
    bases, archive = EngineBases(tmp_path, engine.socket, IMAGE), tmp_path / "small.tar"
    archive.write_bytes(tar(smallest()))
    made = bases.import_from("small", archive, lambda _: None)
    assert made == bases.find("small") and made.size > MB and made.created.endswith("Z"), made
    assert "small.tar" in made.source, made
    assert [image.name for image in bases.all()] == [IMAGE, "small"]
    assert bases.remove("small") and not bases.remove("small")
    assert bases.find("small") is None and not list((tmp_path / "docker" / "images").glob("[a-z]*"))


async def test_an_image_in_use_is_not_removed(make: Make, engine: Podman, tmp_path: Path) -> None:
    """What stands on it is named: also a sandbox that never ran, a snapshot and an environment that none uses."""
    bases, elsewhere = (EngineBases(place, engine.socket, "small") for place in (tmp_path, tmp_path / "elsewhere"))
    write_image(tmp_path / "small.tar")
    await asyncio.to_thread(bases.import_from, "small", tmp_path / "small.tar", lambda _: None)
    boxes = make(base="small", allow_private=tuple(private_registries()))
    spec = Spec(packages=(("pip", ("six",)),), network=Network("unrestricted"))
    await boxes.prepare(spec)
    await boxes.create("unused", Spec())
    await boxes.create("other", Spec(base=IMAGE))
    snapshot = await boxes.snapshot("unused")
    [layer] = [image for image in engine.images() if "/env-" in image]
    with pytest.raises(ImageFailed) as refusal:
        await asyncio.to_thread(bases.remove, "small")
    said = f"in use by the sandbox unused, the snapshot {snapshot}, an environment's layer {layer}: remove these"
    assert said in str(refusal.value), refusal.value
    await boxes.remove_snapshot(snapshot)
    await boxes.destroy("unused")
    engine.run("rmi", layer)
    await boxes.start("box")
    with pytest.raises(SandboxUnavailable, match="engine refused"):
        await asyncio.to_thread(elsewhere.remove, "small")
    await boxes.destroy("box")
    assert await asyncio.to_thread(bases.remove, "small")


async def test_nothing_is_left(make: Make, tmp_path: Path) -> None:
    boxes = make()
    await sh(boxes, "sleep 1000 & setsid sleep 1000 &")
    [info] = await boxes.recover()
    assert info.pid is not None
    groups = [line.rpartition(":")[2] for line in Path(f"/proc/{info.pid}/cgroup").read_text().splitlines()]
    places = [place for group in groups if "libpod" in group for place in Path("/sys/fs/cgroup").glob(f"*{group}")]
    assert places
    await boxes.destroy("box")
    assert identify(info.pid) is None
    assert not [place for place in places if place.exists()]
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize(
    ("info", "owner", "hard"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=builtin"], "MemoryLimit": True}, (0, 0), {"memory"}),
        (
            {"SecurityOptions": ["name=userns"], "DockerRootDir": "/var/lib/docker/100000.100001", "PidsLimit": True},
            (100_000, 100_001),
            {"processes"},
        ),
        ({"SecurityOptions": ["name=rootless"], "CgroupVersion": "2", "CpuCfsQuota": True}, None, {"cpus"}),
        ({"Rootless": True, "CgroupVersion": "1", "MemoryLimit": True, "BuildahVersion": "1"}, None, set[str]()),
    ],
)
def test_engines_differ(info: dict[str, object], owner: tuple[int, int] | None, hard: set[str]) -> None:
    """As Docker says it, with its users remapped and as an ordinary user, and as podman does."""
    facts = Facts(info)
    assert facts.owner == (owner or (os.geteuid(), os.getegid()))
    assert facts.hard == hard
    host = config(Directory(Path("/data/3")), "image", {}, facts, Limits(), "/workspace")["HostConfig"]
    [seccomp] = [each for each in host["SecurityOpt"] if each.startswith("seccomp=")]
    assert ("defaultAction" in seccomp) != facts.is_podman, "podman wants a file, Docker the profile itself"
    assert (host["Memory"] > 0) == ("memory" in hard)


def test_the_host_is_no_base_of_containers() -> None:
    with pytest.raises(ValueError, match="with docker it is the name of an image"):
        SandboxSection(provider="docker", base="host")
