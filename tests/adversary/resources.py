"""Using up what others need."""

import asyncio
import os
import time

from adversary.case import alone, only_for
from adversary.scene import Scene, fresh_run, works
from journeyman.sandboxes.local import Limits
from journeyman.sandboxes.port import SandboxError


async def _bomb(scene: Scene, script: str, timeout: float = 2) -> None:
    """Let it run, then clear up by a restart; the neighbour works meanwhile."""
    bomb = asyncio.create_task(scene.sh(script, timeout=timeout))
    await asyncio.sleep(timeout / 2)
    await works(scene, scene.neighbour)
    await bomb
    await scene.boxes.restart_shell(scene.box, run=fresh_run())


async def attack_processes(scene: Scene) -> None:
    """Fork bombs of three kinds stop at the limit of processes, and a restart of the shell clears them away."""
    async with scene.provider(Limits(processes=96)) as small:
        for script in (
            "bomb() { bomb | bomb & }; bomb; sleep 5",
            "python3 -c 'import os\nwhile 1:\n try: os.fork()\n except OSError: pass'",
            "while :; do sleep 1000 & done 2>/dev/null",
        ):
            await _bomb(small, script)
            await works(small, small.box)


async def attack_threads(scene: Scene) -> None:
    """Threads count as processes."""
    async with scene.provider(Limits(processes=96)) as small:
        said = await small.python(
            """
            threading.stack_size(65536)
            made = 0
            try:
                for _ in range(400):
                    threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
                    made += 1
            except RuntimeError: pass
            print(made)
            """
        )
        assert int(said.split()[-1]) < 96, said
        await works(small, small.neighbour)


@only_for("root")
async def attack_memory(scene: Scene) -> None:
    """Memory of every kind is counted: heap, shared memory, pipes, files in memory, sockets; the hog dies alone."""
    async with scene.provider(Limits(memory=96 << 20)) as small:
        for hog in (
            "x = bytearray(400 << 20)",
            "import mmap; m = mmap.mmap(-1, 400 << 20); [m.__setitem__(i, 1) for i in range(0, 400 << 20, 4096)]",
            "f = os.memfd_create('x'); [os.write(f, bytes(1 << 20)) for _ in range(400)]",
            "f = open('/dev/shm/x', 'wb'); [f.write(bytes(1 << 20)) for _ in range(400)]",
            "ps = [socket.socketpair() for _ in range(4000)]; "
            "[p[0].setblocking(False) or attempt(lambda: p[0].send(bytes(200000))) for p in ps]",
        ):
            said = await small.python(f"{hog}\nprint('SUCCEEDED')", timeout=30)
            assert "SUCCEEDED" not in said, (hog, said)
            await small.sh("rm -f /dev/shm/*; true")
            await works(small, small.box)
            await works(small, small.neighbour)


@alone
async def attack_connections(scene: Scene) -> None:
    """Ten thousand connections of the sandbox with itself leave the host's servers reachable."""
    await scene.python(
        """
        import resource
        server = socket.create_server(('127.0.0.1', 0), backlog=4096)
        held = []
        try:
            for n in range(5000):
                connection = socket.socket(); connection.setblocking(False)
                connection.connect_ex(server.getsockname())
                held += [connection, server.accept()[0]]
        except OSError: pass
        print(len(held))
        """,
        timeout=30,
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.loopback)
    assert scene.secret.encode() in await asyncio.wait_for(reader.read(), 5)
    writer.close()


@alone
async def attack_the_processor(scene: Scene) -> None:
    """Fifty programs that never rest: the neighbour's commands take a little longer, no more."""
    spin = asyncio.create_task(
        scene.sh("for i in $(seq 50); do (while :; do :; done) & done; sleep 2; kill $(jobs -p)", timeout=15)
    )
    await asyncio.sleep(0.5)
    slowest = 0.0
    for _ in range(10):
        begun = time.monotonic()
        await scene.sh("echo neighbour", box=scene.neighbour)
        slowest = max(slowest, time.monotonic() - begun)
    await spin
    assert slowest < 3, slowest


@alone
async def attack_many_shells(scene: Scene) -> None:
    """Sixty shells at once, each of which dies: all are answered."""

    async def one(number: int) -> None:
        result = await scene.sh("exit 1" if number % 2 else "echo x", shell=f"shell{number}", timeout=30)
        assert result.restarted or result.output == b"x\n", result

    await asyncio.gather(*(one(number) for number in range(60)))


@alone
async def attack_small_device_directory(scene: Scene) -> None:
    """/dev and /dev/shm are small: filling them stops soon."""
    said = await scene.said(
        "head -c 10000000 /dev/zero >/dev/full-up; stat -c %s /dev/full-up; rm -f /dev/full-up; df --output=size -k /dev /dev/shm"
    )
    numbers = [int(line) for line in said.splitlines() if line.strip().isdigit()]
    assert numbers[0] < 1 << 20 and numbers[1] <= 1024 and numbers[2] <= 1 << 20, said


@alone
async def attack_the_servers_threads(scene: Scene) -> None:
    """Many slow calls at once for one sandbox do not use up what the server needs for its others."""
    await scene.sh("for i in 1 2 3 4 5 6 7 8; do truncate -s 1T /workspace/huge$i; done; truncate -s 1G /workspace/big")
    calls = [asyncio.create_task(scene.put(f"/workspace/huge{n}", b"x" * 300_000)) for n in range(1, 9)]
    calls += [asyncio.create_task(scene.boxes.read(scene.box, "/workspace/big", limit=20 << 20)) for _ in range(8)]
    begun = time.monotonic()
    await scene.boxes.exec(scene.neighbour, ["true"])
    await scene.boxes.restart_shell(scene.neighbour, run=fresh_run())
    took = time.monotonic() - begun
    done, pending = await asyncio.wait(calls, timeout=20)
    for call in pending:
        call.cancel()
    assert not pending, "writes over huge files take too long"
    assert [each for each in (call.exception() for call in done) if each and not isinstance(each, SandboxError)] == []
    assert took < 5, took


async def attack_growth_of_records(scene: Scene) -> None:
    """Output that is repeated a hundred times does not pile up in the server's records beyond each run's limit."""
    slot = await scene.slot()
    before = sum(path.stat().st_blocks for path in (slot / "runs").iterdir())
    for _ in range(30):
        await scene.boxes.shell(
            scene.box, "head -c 3000000 /dev/zero", run=fresh_run(), timeout=10, output_limit=10_000
        )
    grown = sum(path.stat().st_blocks for path in (slot / "runs").iterdir()) - before
    assert grown * 512 < 30 * 64_000, grown
    assert os.sysconf("SC_PAGE_SIZE")
