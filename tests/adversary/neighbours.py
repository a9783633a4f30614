"""What a sandbox could do to the one beside it."""

import asyncio
import time

from adversary.case import alone, only_for
from adversary.scene import Scene, fresh_name


async def attack_files(scene: Scene) -> None:
    """What one writes, wherever it may, the other does not see."""
    word = fresh_name("word")
    places = (
        "/tmp /workspace /home /opt /usr/local/bin /etc /dev/shm /dev /var/tmp /var/lib /mnt/session/outputs /run /srv"
    )
    await scene.sh(f"for p in {places}; do echo {word} >$p/{word}; done; echo {word} >>/etc/services")
    said = await scene.said(
        f"for p in {places}; do ls $p/{word}; done 2>/dev/null; grep {word} /etc/services", box=scene.neighbour
    )
    assert said == "", said
    await scene.sh(f"for p in {places}; do rm -f $p/{word}; done")


async def attack_processes(scene: Scene) -> None:
    """Killing, stopping and looking at everything ends at one's own processes."""
    await scene.sh("sleep 98765 & disown", box=scene.neighbour)
    assert "98765" not in await scene.said("cat /proc/*/cmdline | tr '\\0' ' ' | grep -o 'sleep 9876[5]'")
    await scene.sh("kill -STOP -1; kill -9 -1; for p in $(seq 2 400); do kill -9 $p; done 2>/dev/null", timeout=3)
    assert (await scene.said("pgrep -c -f 'sleep 9876[5]'", box=scene.neighbour)) == "1\n"
    await scene.sh("pkill -f 'sleep 9876[5]'", box=scene.neighbour)
    await scene.boxes.stop(scene.box)


async def attack_shared_memory(scene: Scene) -> None:
    """System V memory, semaphores and queues of one are unknown to the other, and so is POSIX memory."""
    await scene.python(
        """
        for number, args in ((29, (4242, 4096, 0o1666)), (64, (4242, 1, 0o1666)), (68, (4242, 0o1666))):
            print(call(number, *args))
        open('/dev/shm/shared', 'w').write('x')
        """
    )
    said = await scene.python(
        """
        for number, args in ((29, (4242, 0, 0)), (64, (4242, 0, 0)), (68, (4242, 0))): print(call(number, *args))
        print(os.path.exists('/dev/shm/shared'))
        """,
        box=scene.neighbour,
    )
    assert said.split() == ["ENOENT"] * 3 + ["False"], said
    await scene.sh("ipcrm -M 4242 -S 4242 -Q 4242; rm -f /dev/shm/shared")


async def attack_sockets(scene: Scene) -> None:
    """Servers on loopback, abstract names and multicast of one are not reached by the other."""
    await scene.python(
        """
        if os.fork() == 0:
            os.setsid()
            for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            held = [socket.create_server(('0.0.0.0', 4242)), socket.socket(socket.AF_UNIX)]
            held[1].bind('\\0neighbour'); held[1].listen()
            open('/tmp/listening', 'w')
            time.sleep(1000)
        while not os.path.exists('/tmp/listening'): time.sleep(0.01)
        """,
        box=scene.neighbour,
    )
    await scene.fails(
        """
        for family, name in ((socket.AF_INET, ('127.0.0.1', 4242)), (socket.AF_UNIX, '\\0neighbour')):
            with socket.socket(family) as s:
                s.settimeout(1)
                expect(name, attempt(lambda: s.connect(name)), 'ECONNREFUSED')
        """
    )
    await scene.sh("pkill python3; rm -f /tmp/listening", box=scene.neighbour)


async def attack_locks(scene: Scene) -> None:
    """Locks and leases on files of the base, which both have, do not meet."""
    await scene.python(
        """
        if os.fork() == 0:
            os.setsid()
            for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            held = []
            for path in ('/usr/bin/env', '/etc/services', '/usr/bin', '/run/journeyman/init', '/usr/bin/bash'):
                try:
                    held.append(open(path, 'rb')) if os.path.isfile(path) else held.append(os.open(path, os.O_RDONLY))
                    fcntl.flock(held[-1], fcntl.LOCK_EX)
                except OSError: pass
            open('/tmp/locked', 'w')
            time.sleep(1000)
        while not os.path.exists('/tmp/locked'): time.sleep(0.01)
        """
    )
    said = await scene.python(
        """
        for path in ('/usr/bin/env', '/etc/services', '/usr/bin', '/run/journeyman/init', '/usr/bin/bash'):
            descriptor = os.open(path, os.O_RDONLY)
            print(attempt(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)))
        """,
        box=scene.neighbour,
    )
    assert said.split() == ["ok"] * 5, said
    await scene.sh("pkill python3; rm -f /tmp/locked")


@only_for("root")
async def attack_by_the_same_user(scene: Scene) -> None:
    """Every sandbox has user ids of its own on the host, far from the host's, so that even outside they are strangers."""
    ranges = []
    for box in (scene.box, scene.neighbour):
        words = (await scene.said("cat /proc/self/uid_map /proc/self/gid_map", box=box)).split()
        assert words[0] == words[3] == "0" and len(words) == 6, words
        ranges.append((int(words[1]), int(words[1]) + int(words[2])))
    (a, b), (c, d) = sorted(ranges)
    assert a >= 100_000 and b <= c < d, ranges


@only_for("root")
async def attack_the_count_of_processes(scene: Scene) -> None:
    """The limit of processes is a sandbox's own: one that is full does not keep another from starting programs."""
    said = await scene.python(
        """
        children = []
        try:
            while len(children) < 600:
                pid = os.fork()
                if pid == 0: time.sleep(3); os._exit(0)
                children.append(pid)
        except OSError: pass
        print(len(children))
        for pid in children: os.kill(pid, 9)
        """,
        timeout=30,
    )
    assert 100 < int(said) < 512, said


@alone
async def attack_queues_of_the_server(scene: Scene) -> None:
    """A hundred calls at once for one sandbox, most of which hang: another's are answered in between."""
    calls = [asyncio.create_task(scene.sh("sleep 30", timeout=3, shell=f"s{n % 20}")) for n in range(100)]
    await asyncio.sleep(0.3)
    slowest = 0.0
    for _ in range(20):
        begun = time.monotonic()
        await scene.sh("echo x", box=scene.neighbour)
        await scene.boxes.exec(scene.neighbour, ["true"])
        slowest = max(slowest, time.monotonic() - begun)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert slowest < 2, slowest


@alone
async def attack_by_restarting(scene: Scene) -> None:
    """A sandbox that is stopped and started again and again, and dies meanwhile, leaves its neighbour alone."""
    inside = await scene.said("echo $BASHPID; true", box=scene.neighbour)
    for _ in range(5):
        await asyncio.gather(
            scene.sh("kill -9 -1; exit", timeout=5), scene.boxes.stop(scene.box), return_exceptions=True
        )
        await scene.boxes.start(scene.box)
    assert await scene.said("echo $BASHPID; true", box=scene.neighbour) == inside


async def attack_names_that_are_paths(scene: Scene) -> None:
    """Names of sandboxes and shells that lead to another's directory are refused."""
    for name in (f"../names/{scene.neighbour}", "..", ".", "a/b", "", "0/../1", "a\0", "\n", "é", "-x", "x" * 200):
        for call in (scene.boxes.start(name), scene.sh("true", shell=name) if name else scene.boxes.start(name)):
            try:
                await call
            except Exception as error:
                assert "cannot name" in str(error), (name, error)
            else:
                raise AssertionError(f"{name!r} was taken")
