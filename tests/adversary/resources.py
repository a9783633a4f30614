"""Using up what others need."""

import asyncio
import os
import time
from pathlib import Path

from adversary.case import Skip, alone, defect, only_for
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
async def attack_watches(scene: Scene) -> None:
    """inotify is counted for the whole host: a sandbox gets few instances, and cannot raise the number."""
    said = await scene.python(
        """
        print(sum(libc.inotify_init() >= 0 for _ in range(300)))
        for name in os.listdir('/proc/sys/user'):
            def raised():
                with open('/proc/sys/user/' + name, 'w') as file: file.write('1000000')
            expect(name, attempt(raised), 'EPERM', 'EACCES', 'EROFS')
        """
    )
    assert said == "24\n", said


@defect("the limits of the user namespace are set after the first process has begun; a hook would set them before")
@alone
async def attack_watches_by_a_library_of_the_next_start(scene: Scene) -> None:
    """Code that runs first at the next start takes instances before the limit is set."""
    source = """
    #include <sys/inotify.h>
    #include <stdlib.h>
    #include <unistd.h>
    #include <stdio.h>
    __attribute__((constructor)) static void first(void) {
      if (getpid() != 1) return;
      int n = 0; while (n < 100 && inotify_init() >= 0) n++;
      FILE *f = fopen("/tmp/taken", "w"); fprintf(f, "%d", n); fclose(f);
    }
    """
    await scene.put("/tmp/first.c", source.encode())
    if (await scene.sh("gcc -w -shared -fPIC -o /usr/local/lib/first.so /tmp/first.c")).exit_code != 0:
        raise Skip("there is no gcc inside")
    await scene.sh("echo /usr/local/lib/first.so >/etc/ld.so.preload")
    await scene.restart()
    taken = await scene.said("cat /tmp/taken; rm -f /etc/ld.so.preload")
    await scene.restart()
    assert taken and int(taken) <= 24, taken


@alone
async def attack_watched_files(scene: Scene) -> None:
    """The number of watched files is one for the host, too: a sandbox cannot take more than a part of it."""
    available = int(Path("/proc/sys/user/max_inotify_watches").read_text())
    limit = int(await scene.said("cat /proc/sys/user/max_inotify_watches"))
    assert limit <= max(available / 4, 16_384), (limit, available)


@defect("the mount of /dev/pts has no max=")
@alone
async def attack_terminals(scene: Scene) -> None:
    """Terminals are counted for the whole host: a sandbox that opens all it can leaves most to others."""
    most = int(Path("/proc/sys/kernel/pty/max").read_text())
    said = await scene.python(
        f"""
        made = []
        for _ in range({most}):
            try: made.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))
            except OSError: break
        print(len(made))
        """
    )
    assert int(said) <= most / 8, said


@alone
async def attack_message_queues(scene: Scene) -> None:
    """The bytes of POSIX message queues are one sum for all sandboxes of a user: they are not offered."""
    await scene.fails(
        """
        for n in range(20): expect('mq_open', call(240, b'queue%d' % n, os.O_CREAT | os.O_RDWR, 0o600, 0))
        """
    )


@alone
async def attack_signals_and_timers(scene: Scene) -> None:
    """Pending signals and timers are one sum for all sandboxes of a user: one user of a sandbox gets a small part."""
    said = await scene.python(
        """
        made, timer = 0, ctypes.create_string_buffer(8)
        event = ctypes.create_string_buffer(struct.pack('qii', 0, 0, 1) + bytes(48))
        while made < 200000 and call(222, 1, event, timer) == 'ok': made += 1
        print(made)
        """,
        timeout=30,
    )
    assert int(said) <= 8192, said


@alone
async def attack_descriptors(scene: Scene) -> None:
    """Open files: a program runs into its limit, and the host has still many."""
    said = await scene.python(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        made = 0
        try:
            while True:
                os.dup(0); made += 1
        except OSError as e: print(made, errno.errorcode[e.errno])
        """
    )
    made, error = said.split()
    assert int(made) <= 65_536 and error == "EMFILE", said
    used, _, most = map(int, Path("/proc/sys/fs/file-nr").read_text().split())
    assert used < most / 2


@alone
async def attack_kernel_objects(scene: Scene) -> None:
    """Thousands of event counters, timers, polls, locks, shared segments and semaphores: the neighbour has all it needs."""
    await scene.python(
        """
        import select, resource
        held = []
        for make in (lambda: os.eventfd(0), lambda: select.epoll(), lambda: os.memfd_create('x'), lambda: os.pipe(),
                lambda: call(29, 0, 1 << 20, 0o1600), lambda: call(64, 0, 100, 0o1600), lambda: call(68, 0, 0o1600)):
            for _ in range(1000):
                try: held.append(make())
                except OSError: break
        file = open('/tmp/locks', 'wb')
        for n in range(2000):
            try: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * n)
            except OSError: break
        """,
        timeout=30,
    )
    said = await scene.python(
        """
        import select
        held = [select.epoll(), os.pipe(), os.eventfd(0), os.memfd_create('x'), socket.socketpair()]
        for number, args in ((29, (0, 4096, 0o1600)), (64, (0, 1, 0o1600)), (68, (0, 0o1600))):
            if call(number, *args) != 'ok': print('refused', number)
        print('works')
        """,
        box=scene.neighbour,
    )
    assert said == "works\n", said


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
