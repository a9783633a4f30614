"""What a hostile program in a sandbox may not do."""

import asyncio
import os
import secrets
import textwrap
from pathlib import Path

import pytest

from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import SandboxError, ShellResult

pytestmark = pytest.mark.anyio
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="as root only")


async def sh(boxes: LocalSandboxes, script: str, box: str = "box", timeout: float = 30) -> ShellResult:
    return await boxes.shell(box, script, run=fresh_run(), timeout=timeout, output_limit=100_000)


async def python(boxes: LocalSandboxes, program: str) -> str:
    """Run a Python program in the sandbox; every line of it may fail on its own."""
    await boxes.write("box", "/tmp/program.py", textwrap.dedent(program).encode(), run=fresh_run(), note="")
    return (await sh(boxes, "python3 /tmp/program.py 2>&1")).output.decode()


async def test_the_host_is_not_visible(boxes: LocalSandboxes, data_dir: Path) -> None:
    secret = data_dir / "secret"
    secret.write_text("hidden")
    listed = (await sh(boxes, f"ls -A /root /home /srv /media /var/log; ls {data_dir} {Path.home()}/.ssh")).output
    assert listed.count(b"No such file") == 2
    assert b"hidden" not in (await sh(boxes, f"cat {secret}; cat /proc/1/root{secret}")).output
    inside = (await sh(boxes, "cat /etc/passwd /etc/hosts /etc/hostname")).output
    assert b"sandbox" in inside and os.uname().nodename.encode() not in inside.replace(b"sandbox", b"")


async def test_the_environment_of_the_server_is_not_there(
    boxes: LocalSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "leaked")
    everything = (await sh(boxes, "env; cat /proc/*/environ; cat /proc/*/cmdline")).output
    assert b"leaked" not in everything and b"API_TOKEN" not in everything
    assert b"leaked" not in (await boxes.exec("box", ["env"])).stdout


async def test_files_are_not_opened_outside(boxes: LocalSandboxes, data_dir: Path) -> None:
    secret = data_dir / secrets.token_hex(4)
    secret.write_text("hidden")
    up = "/".join([".."] * 30)
    await sh(boxes, f"ln -s {secret} absolute; ln -s {up}{secret} relative; ln -s / root; ln -s /proc/1/root magic")
    for path in (
        "absolute",
        "relative",
        f"root{secret}",
        f"magic{secret}",
        f"{up}{secret}",
        f"/proc/self/root{secret}",
    ):
        with pytest.raises((FileNotFoundError, SandboxError)):
            await boxes.read("box", path, limit=100)
    await boxes.write("box", "absolute", b"inside", run=fresh_run(), note="")
    assert secret.read_text() == "hidden"
    assert (await sh(boxes, f"cat {secret}")).output == b"inside"


async def test_the_host_base_is_not_changed(boxes: LocalSandboxes) -> None:
    before = Path("/usr/bin/env").stat()
    result = await sh(boxes, "echo x >/usr/bin/env; rm -f /usr/bin/env; mv /usr/bin /usr/gone; chmod 777 /usr/bin/env")
    assert result.exit_code != 0
    after = Path("/usr/bin/env").stat()
    assert (before.st_mtime_ns, before.st_mode, before.st_ino) == (after.st_mtime_ns, after.st_mode, after.st_ino)
    with pytest.raises((PermissionError, SandboxError)):
        await boxes.write("box", "/usr/bin/env", b"x", run=fresh_run(), note="")
    assert (await sh(boxes, "echo ok >/usr/local/bin/mine && cat /usr/local/bin/mine")).output == b"ok\n"
    assert not Path("/usr/local/bin/mine").exists()


async def test_forbidden_system_calls(boxes: LocalSandboxes) -> None:
    said = await python(
        boxes,
        """
        import ctypes, errno, os, socket, fcntl, pty
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, number, *args):
            result = libc.syscall(number, *args)
            print(name, 'allowed' if result >= 0 else errno.errorcode[ctypes.get_errno()])
        for family in (40, 38, 17, 21, 44):
            try: socket.socket(family, socket.SOCK_DGRAM); print('socket', family, 'allowed')
            except OSError as e: print('socket', family, errno.errorcode[e.errno])
        call('vsock, high bits', 41, ctypes.c_long((1 << 32) | 40), 1, 0)
        for family in (1, 2, 10, 16):
            socket.socket(family, socket.SOCK_DGRAM).close()
        call('mount', 165, b'none', b'/tmp', b'tmpfs', 0, 0)
        call('umount', 166, b'/proc', 2)
        call('unshare', 272, 0x10000000)
        call('clone', 56, 0x10000000 | 17, 0, 0, 0, 0)
        call('clone3', 435, 0, 0)
        call('setns', 308, 0, 0)
        call('keyctl', 250, 0, -3, 0)
        call('bpf', 321, 0, 0, 0)
        call('io_uring_setup', 425, 8, 0)
        call('userfaultfd', 323, 0)
        call('perf_event_open', 298, 0, 0, -1, -1, 0)
        call('open_by_handle_at', 304, -1, 0, 0)
        call('fanotify_init', 300, 0, 0)
        call('syslog', 103, 3, 0, 0)
        master, slave = pty.openpty()
        for request in (0x5412, (1 << 32) | 0x5412):
            call('TIOCSTI', 16, slave, ctypes.c_long(request), b'x')
        print('TIOCGWINSZ', len(fcntl.ioctl(slave, 0x5413, b' ' * 8)))
        """,
    )
    lines = said.strip().splitlines()
    assert lines[-1] == "TIOCGWINSZ 8", said
    assert len(lines) == 23, said
    assert not [line for line in lines if "allowed" in line or "Error" in line], said


async def test_no_privileges(boxes: LocalSandboxes) -> None:
    status = (await sh(boxes, "cat /proc/self/status /proc/self/uid_map")).output.decode()
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    forbidden = 1 << 21 | 1 << 12 | 1 << 19 | 1 << 16 | 1 << 2 | 1 << 27  # admin, net, ptrace, module, search, mknod
    assert not int(fields["CapBnd"], 16) & forbidden


@needs_root
async def test_sandboxes_have_user_ids_of_their_own(boxes: LocalSandboxes) -> None:
    first = (await sh(boxes, "cat /proc/self/uid_map", "one")).output.split()
    second = (await sh(boxes, "cat /proc/self/uid_map", "two")).output.split()
    assert first[0] == second[0] == b"0"
    assert int(first[1]) >= 700_000 and abs(int(first[1]) - int(second[1])) >= int(first[2])


async def test_there_is_no_network_but_loopback(boxes: LocalSandboxes) -> None:
    assert (await sh(boxes, "cat /proc/net/dev | tail -n +3 | cut -d: -f1")).output.split() == [b"lo"]
    said = await python(
        boxes,
        """
        import socket
        server = socket.create_server(('127.0.0.1', 0))
        socket.create_connection(server.getsockname(), 1)
        for address in ('1.1.1.1', '169.254.169.254', '10.0.0.1'):
            try: socket.create_connection((address, 80), 2); print('reached', address)
            except OSError as e: print('not reached')
        """,
    )
    assert said == "not reached\n" * 3


async def test_kernel_files_are_masked(boxes: LocalSandboxes) -> None:
    result = await sh(boxes, "cat /proc/cmdline /proc/kallsyms /proc/keys /proc/kcore /proc/config.gz | wc -c")
    assert result.output.split()[-1] == b"0"
    assert (await sh(boxes, "echo 1 >/proc/sys/kernel/panic")).exit_code != 0
    for path in ("/proc/iomem", "/proc/1/environ", "/proc/self/status"):
        with pytest.raises((FileNotFoundError, SandboxError)):
            await boxes.read("box", path, limit=100)


async def test_shared_kernel_resources_are_bounded(boxes: LocalSandboxes) -> None:
    said = await python(
        boxes,
        """
        import ctypes
        libc = ctypes.CDLL(None)
        got = [libc.inotify_init() for _ in range(200)]
        print(sum(1 for each in got if each >= 0))
        for name in ('max_inotify_instances', 'max_user_namespaces', 'max_fanotify_groups'):
            try: open('/proc/sys/user/' + name, 'w').write('100000'); print('raised', name)
            except OSError: pass
        """,
    )
    assert said == "24\n"


async def test_a_fork_bomb_is_ended_by_a_restart(data_dir: Path) -> None:
    boxes = LocalSandboxes(data_dir, limits=Limits(processes=64))
    bomb = "bomb() { bomb | bomb & }; bomb; sleep 5"
    result = await sh(boxes, bomb, timeout=2)
    assert result.exit_code is None or result.restarted
    await boxes.restart_shell("box", run=fresh_run())
    assert (await sh(boxes, "ls -d /workspace")).output == b"/workspace\n"
    await boxes.destroy("box")
    await boxes.close()


@needs_root
async def test_a_memory_hog_dies_alone(data_dir: Path) -> None:
    boxes = LocalSandboxes(data_dir, limits=Limits(memory=64 << 20))
    result = await sh(boxes, "head -c 300000000 /dev/zero | tail -c 299999999 | wc -c; echo after")
    assert result.output.endswith(b"after\n") and b"299999999" not in result.output
    await boxes.destroy("box")
    await boxes.close()


async def test_pipes_cannot_be_replaced(boxes: LocalSandboxes) -> None:
    result = await sh(
        boxes, "rm -f /run/journeyman/*; ln -s /etc/passwd /run/journeyman/link; ls /run/journeyman/main.in"
    )
    assert result.output.endswith(b"/run/journeyman/main.in\n")
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def test_forged_messages_do_no_harm(boxes: LocalSandboxes) -> None:
    forged = "for f in /run/journeyman/*.events; do printf 'done x 0 -\\ngone main 9\\n\\xff\\xfe\\n\\n' 1<>$f; done"
    assert (await sh(boxes, forged + "; echo one")).output.endswith(b"one\n")
    result = await sh(boxes, "echo two; (exit 3)")
    assert (result.output, result.exit_code) == (b"two\n", 3)
    flood = "for f in /run/journeyman/*.events; do timeout 1 yes 1<>$f; done"
    await sh(boxes, flood)
    assert (await sh(boxes, "echo three")).output == b"three\n"


async def test_killing_everything_inside(boxes: LocalSandboxes) -> None:
    result = await sh(boxes, "kill -9 -1; kill -9 $$", timeout=20)
    assert result.restarted and not result.timed_out
    assert (await sh(boxes, "echo alive")).output == b"alive\n"
    assert (await boxes.exec("box", ["echo", "alive"])).stdout == b"alive\n"
    assert (await sh(boxes, "kill 0; echo alive")).restarted


async def test_python_and_npm_have_prefixes_of_their_own(boxes: LocalSandboxes) -> None:
    said = (await sh(boxes, "command -v python3; python3 -c 'import sys; print(sys.prefix)'; npm prefix -g")).output
    assert said.split()[:2] == [b"/opt/venv/bin/python3", b"/opt/venv"]
    if b"/opt/npm" not in said:
        assert b"npm: command not found" in said
    await sh(
        boxes,
        "mkdir -p pkg/mine && echo 'x=5' >pkg/mine/__init__.py && cd pkg && "
        'printf \'[project]\\nname="mine"\\nversion="1"\\n\' >pyproject.toml',
    )
    installed = await sh(
        boxes,
        "pip install --no-index --no-build-isolation . 2>&1 | tail -1; cd /; python3 -c 'import mine; print(mine.x)'",
    )
    assert installed.output.endswith(b"5\n"), installed


async def test_shells_that_die_again_and_again(boxes: LocalSandboxes) -> None:
    names = ("main", "one", "two", "three")

    async def kill(name: str, count: int) -> ShellResult:
        killer = "kill -9 -1; kill -9 $$" if count % 2 else "kill -9 $$"
        return await boxes.shell("box", killer, run=fresh_run(), timeout=20, output_limit=100, shell=name)

    for count in range(20):
        results = [await asyncio.gather(*(kill(name, count) for name in names))]
        assert not [each for each in results[0] if each.timed_out or not each.restarted], results
