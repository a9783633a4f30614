"""Leaving the sandbox for the host."""

import asyncio
import os
from pathlib import Path

from adversary.scene import Scene, x86_only


async def attack_mounting(scene: Scene) -> None:
    """Mount, bind, move and unmount, by the old and the new calls: seccomp refuses them all."""
    x86_only()
    await scene.fails(
        """
        none, tmp = b'none', b'/tmp'
        expect('mount tmpfs', call(165, none, tmp, b'tmpfs', 0, 0))
        expect('bind', call(165, b'/', tmp, none, 0x1000, 0))
        expect('remount rw', call(165, none, b'/run/journeyman', none, 0x20 | 0x1000, 0))
        expect('proc', call(165, b'proc', tmp, b'proc', 0, 0))
        expect('cgroup2', call(165, none, tmp, b'cgroup2', 0, 0))
        expect('umount', call(166, b'/proc', 2))
        expect('umount a mask', call(166, b'/proc/kcore', 2))
        expect('pivot_root', call(155, b'/', b'/tmp'))
        for number in (428, 429, 430, 431, 432, 433, 442, 467):
            expect(number, call(number, -100, b'/', 1, 0, 0))
        """
    )


async def attack_new_namespaces(scene: Scene) -> None:
    """Namespaces of one's own would give capabilities and mounts: every way to make one is refused."""
    x86_only()
    await scene.fails(
        """
        for bit in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
            expect(f'unshare {bit:x}', call(272, bit))
        for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
            for high in (0, 1 << 32, 1 << 40):
                expect(f'clone {bit:x}', call(56, high | bit | 17, 0, 0, 0, 0))
        flags = ctypes.create_string_buffer(struct.pack('11Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0))
        expect('clone3', call(435, flags, 88))
        """
    )


async def attack_entering_namespaces(scene: Scene) -> None:
    """setns to the namespaces of init, by file and by process descriptor, is refused."""
    x86_only()
    await scene.fails(
        """
        for name in os.listdir('/proc/1/ns'):
            descriptor = os.open('/proc/1/ns/' + name, os.O_RDONLY)
            expect('setns ' + name, call(308, descriptor, 0))
        expect('setns pidfd', call(308, os.pidfd_open(1), 0x20000))
        for request in (0xb701, 0xb702):
            said = attempt(lambda: fcntl.ioctl(os.open('/proc/self/ns/user', os.O_RDONLY), request))
            expect(f'the parent of the user namespace {request:x}', said, 'EPERM')
        """
    )


async def attack_chroot_twice(scene: Scene) -> None:
    """The classic way out of a chroot ends at the sandbox's own root, which is a root of the mount namespace."""
    said = await scene.python(
        """
        os.makedirs('/tmp/jail', exist_ok=True)
        here = os.open('/', os.O_RDONLY)
        os.chroot('/tmp/jail')
        os.fchdir(here)
        for _ in range(100): os.chdir('..')
        os.chroot('.')
        print(os.path.exists(sys.argv[1]), os.path.exists('/run/journeyman/main.in'))
        """,
        str(scene.secret_file),
    )
    assert said == "False True\n", said


async def attack_links_of_the_kernel(scene: Scene) -> None:
    """root, cwd and descriptors of every process lead into the sandbox: no `..` behind them meets the host."""
    said = await scene.python(
        """
        up, found = '/..' * 40, []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            places = [f'/proc/{pid}/root', f'/proc/{pid}/cwd']
            try: places += [f'/proc/{pid}/fd/{fd}' for fd in os.listdir(f'/proc/{pid}/fd')]
            except OSError: pass
            for place in places:
                for path in (place + sys.argv[1], place + up + sys.argv[1]):
                    if os.path.exists(path): found.append(path)
        print(found)
        """,
        str(scene.secret_file),
    )
    assert said == "[]\n", said


async def attack_inherited_descriptors(scene: Scene) -> None:
    """No process was given a descriptor of the host: no directory, no lock, no file outside (CVE-2024-21626)."""
    said = await scene.python(
        """
        own = ('/run/journeyman/', '/dev/null', '/proc/', '/tmp/', 'pipe:', '/workspace', 'anon_inode:')
        for pid in filter(str.isdigit, os.listdir('/proc')):
            if int(pid) == os.getpid(): continue
            try: fds = os.listdir(f'/proc/{pid}/fd')
            except OSError: continue
            for fd in fds:
                try: target = os.readlink(f'/proc/{pid}/fd/{fd}')
                except OSError: continue
                if not target.startswith(own) or os.path.isdir(f'/proc/{pid}/fd/{fd}'): print(pid, fd, target)
        """
    )
    assert said == "", said


async def attack_the_base(scene: Scene) -> None:
    """The host's programs cannot be changed through the base, by the sandbox's programs or by the server's writes."""
    before = Path("/usr/bin/env").stat()
    await scene.sh(
        "echo x >/usr/bin/env; rm -f /usr/bin/env; chmod 4777 /usr/bin/env; mv /usr/bin /usr/gone; "
        "touch /usr/bin/env; ln -f /usr/bin/env /usr/local/bin/linked && echo x >/usr/local/bin/linked; "
        "chown 0:0 /usr/bin/env; setfattr -n user.x -v y /usr/bin/env; truncate -s 0 /usr/bin/env"
    )
    with_error = 0
    try:
        await scene.put("/usr/bin/env", b"x")
    except (OSError, Exception):
        with_error += 1
    after = Path("/usr/bin/env").stat()
    assert (before.st_mtime_ns, before.st_mode, before.st_ino, before.st_nlink) == (
        after.st_mtime_ns,
        after.st_mode,
        after.st_ino,
        after.st_nlink,
    )
    assert with_error


async def attack_processes_of_the_host(scene: Scene) -> None:
    """Signals, descriptors, traces and memory of processes of the host: their numbers name nobody inside."""
    x86_only()
    sleeper = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        said = await scene.python(
            """
            for pid in map(int, sys.argv[1:]):
                if os.path.exists(f'/proc/{pid}'): continue
                expect('kill', attempt(lambda: os.kill(pid, 9)), 'ESRCH')
                expect('killpg', attempt(lambda: os.killpg(pid, 9)), 'ESRCH')
                expect('tgkill', call(234, pid, pid, 9), 'ESRCH')
                expect('pidfd', attempt(lambda: os.pidfd_open(pid)), 'ESRCH')
                expect('ptrace', call(101, 0x4206, pid, 0, 0), 'ESRCH')
                vector = ctypes.create_string_buffer(16)
                expect('process_vm_readv', call(310, pid, vector, 0, vector, 0, 0), 'ESRCH', 'ok')
                expect('prlimit', call(302, pid, 7, 0, ctypes.create_string_buffer(16)), 'ESRCH')
                expect('setpriority', call(141, 0, pid, 19), 'ESRCH')
                expect('affinity', call(203, pid, 8, ctypes.create_string_buffer(b'\\1')), 'ESRCH')
                expect('ioprio', call(251, 1, pid, 0), 'ESRCH')
            """,
            str(sleeper.pid),
            str(os.getpid()),
            str(os.getppid()),
        )
        assert said == "", said
        await scene.sh("kill -9 -1; kill -9 $PPID")
        assert sleeper.returncode is None
    finally:
        sleeper.kill()
        await sleeper.wait()
