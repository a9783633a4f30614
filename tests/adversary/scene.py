"""Where attacks happen: a sandbox, its neighbour, and things of the host that must stay out of reach."""

import asyncio
import contextlib
import itertools
import os
import platform
import secrets
import shutil
import socket
import textwrap
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from adversary.case import Case, Skip
from adversary.inside import PRELUDE
from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import Run, SandboxError, ShellResult

_LIMIT = 200_000
_numbers = itertools.count()
PATIENCE = 60.0


def fresh_run() -> Run:
    return Run(f"attack-{next(_numbers)}")


def fresh_name(kind: str) -> str:
    return f"{kind}-{next(_numbers)}"


@dataclass(frozen=True, slots=True)
class Scene:
    boxes: LocalSandboxes
    data_dir: Path
    secret: str
    """A word that stands in the server's environment and in a file of the host."""
    secret_file: Path
    abstract: str
    """The name of the host's abstract Unix socket."""
    loopback: int
    """The port of a server on the host's loopback that says the secret."""
    box: str = "victim"
    neighbour: str = "neighbour"
    programs: dict[str, bytes] = field(default_factory=dict)

    async def sh(self, script: str, *, box: str = "", timeout: float = 20, shell: str = "main") -> ShellResult:
        return await self.boxes.shell(
            box or self.box, script, run=fresh_run(), timeout=timeout, output_limit=_LIMIT, shell=shell
        )

    async def said(self, script: str, *, box: str = "", timeout: float = 20) -> str:
        return (await self.sh(script, box=box, timeout=timeout)).output.decode(errors="replace")

    async def put(self, path: str, data: bytes, *, box: str = "") -> None:
        await self.boxes.write(box or self.box, path, data, run=fresh_run(), note="")

    async def python(self, program: str, *args: str, box: str = "", timeout: float = 20) -> str:
        """What a program printed; it begins with the prelude."""
        path = f"/tmp/{fresh_name('program')}.py"
        await self.put(path, (PRELUDE + textwrap.dedent(program)).encode(), box=box)
        return await self.said(f"python3 {path} {' '.join(args)} 2>&1", box=box, timeout=timeout)

    async def fails(self, program: str, *args: str, timeout: float = 20) -> None:
        """Run a program that says what it could do and should not; it ends with the line `tried`."""
        said = await self.python(textwrap.dedent(program) + "\nprint('tried')\n", *args, timeout=timeout)
        assert said == "tried\n", said

    async def program(self, source: str, *, box: str = "") -> str:
        """Compile a C program on the host; its path inside."""
        if not Path("/usr/bin/gcc").exists():
            raise Skip("gcc is not installed")
        if source not in self.programs:
            self.programs[source] = await _compile(source)
        path = f"/tmp/{fresh_name('program')}"
        await self.put(path, self.programs[source], box=box)
        await self.sh(f"chmod 755 {path}", box=box)
        return path

    @contextlib.asynccontextmanager
    async def provider(self, limits: Limits) -> AsyncIterator["Scene"]:
        """The same with a provider and sandboxes of other limits."""
        data_dir = self.data_dir / fresh_name("data")
        boxes = LocalSandboxes(data_dir, limits=limits)
        names = {"box": fresh_name("victim"), "neighbour": fresh_name("neighbour")}
        try:
            yield replace(self, boxes=boxes, data_dir=data_dir, **names)
        finally:
            for name in names.values():
                await boxes.destroy(name)
            await boxes.close()

    async def slot(self, box: str = "") -> Path:
        """The sandbox's directory on the host."""
        sandboxes = self.data_dir / "sandboxes"
        return sandboxes / (sandboxes / "names" / (box or self.box)).readlink().name

    async def pid(self, box: str = "") -> int:
        """The first process of a sandbox, as the host knows it."""
        await self.boxes.start(box or self.box)
        [info] = [each for each in await self.boxes.recover() if each.id == (box or self.box)]
        assert info.pid is not None
        return info.pid

    async def restart(self) -> None:
        await self.boxes.stop(self.box)
        await self.boxes.start(self.box)


def x86_only() -> None:
    if platform.machine() != "x86_64":
        raise Skip("the system call numbers are those of x86_64")


@contextlib.asynccontextmanager
async def staged(data_dir: Path) -> AsyncGenerator[Scene]:
    """A provider with the victim and its neighbour running, and the host's things beside them."""
    secret = f"hidden-{secrets.token_hex(8)}"
    secret_file = data_dir / "secret"
    secret_file.write_text(secret)
    secret_file.chmod(0o644)
    data_dir.chmod(0o755)
    os.environ["JOURNEYMAN_PLANTED"] = secret
    abstract = f"host-{secrets.token_hex(8)}"
    boxes = LocalSandboxes(data_dir)

    async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + secret.encode())
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(f"\0{abstract}")
    unix.listen()
    port: int = server.sockets[0].getsockname()[1]
    scene = Scene(boxes, data_dir, secret, secret_file, abstract, port)
    try:
        await asyncio.gather(boxes.start(scene.box), boxes.start(scene.neighbour))
        yield scene
    finally:
        del os.environ["JOURNEYMAN_PLANTED"]
        server.close()
        unix.close()
        for name in (scene.box, scene.neighbour):
            await boxes.destroy(name)
        await boxes.close()


async def perform(scene: Scene, case: Case) -> None:
    """Try an attack, then see that victim and neighbour work as before."""
    if case.own:
        scene = replace(scene, box=fresh_name("victim"))
    try:
        async with asyncio.timeout(PATIENCE):
            await case.attack(scene)
            await works(scene, scene.box)
            await works(scene, scene.neighbour)
    finally:
        if case.own:
            await scene.boxes.destroy(scene.box)


async def works(scene: Scene, box: str) -> None:
    """A sandbox does all it should, and soon."""
    begun = time.monotonic()
    result = await scene.sh("cd / && echo alive; (exit 3)", box=box)
    assert (result.output, result.exit_code) == (b"alive\n", 3), (box, result)
    try:
        ran = await scene.boxes.exec(box, ["/usr/bin/echo", "alive"], cwd="/", timeout=10)
    except SandboxError as error:  # what ran programs had been killed just before: that is to be said, once
        assert "Try again" in str(error), error
        ran = await scene.boxes.exec(box, ["/usr/bin/echo", "alive"], cwd="/", timeout=10)
    assert ran.stdout == b"alive\n", (box, ran)
    await scene.put("/tmp/alive", b"yes", box=box)
    assert (await scene.boxes.read(box, "/tmp/alive", limit=10)).data == b"yes"
    took = time.monotonic() - begun
    assert took < 10, f"{box} took {took:.1f} s"


async def _compile(source: str) -> bytes:
    place = Path(f"/tmp/{fresh_name('adversary')}-{os.getpid()}")
    place.mkdir(mode=0o700)
    try:
        (place / "program.c").write_text(source)
        command = ["/usr/bin/gcc", "-O1", "-w", "-static", "-o", str(place / "program"), str(place / "program.c")]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        return (place / "program").read_bytes()
    finally:
        shutil.rmtree(place)
