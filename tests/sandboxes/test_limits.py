"""What a sandbox may use up: it comes to its limit alone, says so, and goes on."""

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import Incident, Run, SandboxEvent, ShellResult
from journeyman.tools.bash import rendered
from journeyman.tools.ripgrep import found

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]
MB = 1 << 20
HOG = "head -c 300000000 /dev/zero | tail -c 299999999 | wc -c"
BOMB = "bomb() { bomb | bomb & }; bomb; sleep 1000"

Make = Callable[..., LocalSandboxes]


@pytest.fixture
async def make(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Make]:
    """Providers with limits, on one data directory; their sandboxes are gone afterwards."""
    made: list[LocalSandboxes] = []

    def provider(*, own_disks: bool = True, **limits: float) -> LocalSandboxes:
        found = Limits(**limits)  # pyright: ignore[reportArgumentType]
        made.append(LocalSandboxes(tmp_path, limits=found, own_disks=own_disks))
        return made[-1]

    yield provider
    for link in (tmp_path / "sandboxes" / "names").glob("*"):
        await made[-1].destroy(link.name)
    for each in made:
        await each.close()


async def sh(boxes: LocalSandboxes, script: str, box: str = "box", timeout: float = 60) -> ShellResult:
    return await boxes.shell(box, script, run=fresh_run(), timeout=timeout, output_limit=100_000)


async def python(boxes: LocalSandboxes, program: str, box: str = "box") -> ShellResult:
    await boxes.write(box, "/tmp/program.py", textwrap.dedent(program).encode(), run=fresh_run(), note="")
    return await sh(boxes, "python3 /tmp/program.py 2>&1", box)


def kinds(result: ShellResult) -> list[str]:
    return [incident.kind for incident in result.incidents]


async def test_a_memory_hog_dies_alone(make: Make) -> None:
    boxes = make(memory=64 * MB)
    await sh(boxes, "kept=yes; sleep 1000 &", box="neighbour")
    await sh(boxes, "cd /tmp; kept=yes")
    result = await sh(boxes, f"{HOG}; echo after")
    assert result.output.endswith(b"after\n") and b"299999999" not in result.output
    assert kinds(result) == ["out_of_memory"] and "64 MB" in result.incidents[0].detail, result
    assert await sh(boxes, "echo $kept $PWD") == ShellResult(b"yes /tmp\n", 0, 9)
    assert await sh(boxes, "echo $kept; jobs -r | wc -l", box="neighbour") == ShellResult(b"yes\n1\n", 0, 6)
    program = await boxes.exec("box", ["sh", "-c", HOG])
    assert found(program).notes == tuple(each.detail for each in result.incidents), program
    assert found(await boxes.exec("box", ["true"])).notes == ()


async def test_the_first_process_goes_last(make: Make) -> None:
    boxes = make(memory=64 * MB)
    scores = "cat /proc/1/oom_score_adj /proc/self/oom_score_adj /proc/$$/oom_score_adj"
    assert (await sh(boxes, scores)).output == b"300\n500\n500\n"
    assert (await sh(boxes, "kill -9 $$")).restarted
    assert (await sh(boxes, f"{scores}; echo -1000 >/proc/self/oom_score_adj")).output.startswith(b"300\n500\n500\n")
    hogs = "for n in {1..30}; do (x=$(head -c 3000000 /dev/zero | tr '\\0' x); sleep 2; : ${#x}) & done; wait"
    first = (await boxes.recover())[0].pid
    assert kinds(await sh(boxes, hogs)) == ["out_of_memory"]
    assert (await boxes.recover())[0].pid == first


async def test_a_shell_that_is_the_hog(make: Make) -> None:
    boxes = make(memory=64 * MB)
    result = await sh(boxes, "hog=x; while :; do hog=$hog$hog; done")
    assert result.restarted and kinds(result) == ["out_of_memory"], result
    assert await sh(boxes, "echo alive") == ShellResult(b"alive\n", 0, 6)


async def test_a_hog_between_two_commands(make: Make) -> None:
    boxes = make(memory=64 * MB)
    await sh(boxes, f"(until [ -e /tmp/go ]; do sleep 0.01; done; {HOG}; touch /tmp/over) >/dev/null 2>&1 &")
    await boxes.exec("box", ["sh", "-c", "touch /tmp/go; until [ -e /tmp/over ]; do sleep 0.01; done"])
    assert kinds(await sh(boxes, "echo")) == ["out_of_memory"]
    assert kinds(await sh(boxes, "echo")) == []


async def test_memory_without_a_process_is_bounded(make: Make) -> None:
    boxes = make(memory=128 * MB)
    result = await sh(boxes, "dd if=/dev/zero of=/dev/shm/full bs=1M count=1000; echo after")
    assert b"No space left" in result.output and result.output.endswith(b"after\n"), result
    result = await python(
        boxes,
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_void_p
        held = 0
        for count in range(100):
            segment = libc.shmget(0, 4 << 20, 0o600)
            if segment < 0:
                break
            ctypes.memset(libc.shmat(segment, None, 0), 1, 4 << 20)
            held += 4
        print(held)
        queues = [libc.msgget(0, 0o600) for _ in range(3000)]
        print(sum(1 for queue in queues if queue >= 0))
        """,
    )
    assert result.output.split() == [b"32", b"1024"], result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def test_a_fork_bomb_ends_with_its_command(make: Make) -> None:
    boxes = make(processes=128)
    await sh(boxes, "sleep 1000 &", box="neighbour")
    result = await sh(boxes, BOMB, timeout=3)
    assert result.timed_out and kinds(result) == ["too_many_processes"], result
    assert "128" in result.incidents[0].detail
    began = time.monotonic()
    assert (await sh(boxes, "ls -d /workspace")).output == b"/workspace\n"
    assert time.monotonic() - began < 5
    assert int((await sh(boxes, "ls -d /proc/[0-9]* | wc -l")).output) < 12
    assert await sh(boxes, "jobs -r | wc -l", box="neighbour") == ShellResult(b"1\n", 0, 2)


async def fill(boxes: LocalSandboxes, after: str) -> asyncio.Task[ShellResult]:
    """A command that has filled the process table; `after`: what is at its end."""
    full = """
        import os, time
        try:
            while True:
                if not os.fork():
                    time.sleep(1000)
        except OSError:
            open('/tmp/full', 'w').close()
            time.sleep(1000)
    """
    await boxes.write("box", "/tmp/full.py", textwrap.dedent(full).encode(), run=fresh_run(), note="")
    call = asyncio.create_task(sh(boxes, f"python3 /tmp/full.py {after}"))
    while True:
        with contextlib.suppress(FileNotFoundError):
            await boxes.read("box", "/tmp/full", limit=1)
            return call
        await asyncio.sleep(0.01)


async def test_a_process_table_left_full_is_cleared_by_a_restart(make: Make) -> None:
    boxes = make(processes=128)
    await (await fill(boxes, ">/dev/null 2>&1 &"))
    result = await sh(boxes, "ls -d /workspace", timeout=3)
    assert result.timed_out and kinds(result) == ["too_many_processes"], result
    assert "restarting the shell" in result.incidents[0].detail
    began = time.monotonic()
    await boxes.restart_shell("box", run=fresh_run())
    assert (await sh(boxes, "ls -d /workspace")).output == b"/workspace\n"
    assert time.monotonic() - began < 5


async def test_a_full_process_table_is_cleared_by_a_cancel(make: Make) -> None:
    boxes = make(processes=128)
    call = await fill(boxes, "")
    began = time.monotonic()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert (await sh(boxes, "ls -d /workspace")).output == b"/workspace\n"
    assert time.monotonic() - began < 5


async def test_a_sandbox_that_a_dead_server_left_frozen(make: Make) -> None:
    boxes = make()
    await sh(boxes, "kept=yes")
    box = await boxes._boxes.get("box")  # pyright: ignore[reportPrivateUsage]
    assert box.channel is not None
    freezing = box.channel.guard.group.frozen()
    freezing.__enter__()
    await boxes.close()
    assert (await sh(make(), "echo $kept")).output == b"yes\n"
    freezing.__exit__(None, None, None)


async def test_processor_time_is_limited(make: Make) -> None:
    boxes = make(cpus=0.5)
    spin = "timeout 2 sh -c 'while :; do :; done'"
    result = await sh(boxes, f"TIMEFORMAT=%U; time ({spin} & {spin} & wait) 2>&1")
    assert 0.2 < float(result.output) < 1.4, result


async def test_descriptors_sockets_and_pipes(make: Make) -> None:
    boxes = make(memory=256 * MB, open_files=4096)
    result = await python(
        boxes,
        """
        import os, socket
        def count(make):
            held = []
            try:
                while True:
                    held.append(make())
            except OSError as error:
                print(len(held) > 1000, error.errno)
        count(lambda: open('/dev/null'))
        count(lambda: tuple(map(os.fdopen, os.pipe())))
        count(lambda: socket.socketpair())
        """,
    )
    assert result.output.split() == [b"True", b"24"] * 3, result
    assert (await sh(boxes, "echo alive")).output == b"alive\n"


async def test_buffers_of_sockets_are_counted(make: Make) -> None:
    boxes = make(memory=256 * MB)
    result = await python(
        boxes,
        """
        import socket
        listener, held = socket.create_server(('127.0.0.1', 0), backlog=500), []
        for count in range(100):
            near = socket.create_connection(listener.getsockname())
            held.append((near, listener.accept()[0]))
            near.setblocking(False)
            try:
                while True:
                    near.send(b'x' * 65536)
            except BlockingIOError:
                pass
        print(next(line for line in open('/proc/net/sockstat') if line.startswith('TCP')).split()[-1])
        """,
    )
    # Pages, of the whole machine; a hundred connections take 300 MB when nobody counts.
    assert int(result.output) * 4096 < 128 * MB, result


async def test_kernel_tables(make: Make) -> None:
    boxes = make(inotify_watches=100, terminals=8, signals=500)
    result = await python(
        boxes,
        """
        import ctypes, os, pty, signal
        libc = ctypes.CDLL(None)
        def count(make, most):
            for done in range(most):
                try:
                    if make(done) is False:
                        return done
                except OSError:
                    return done
            return most
        print('terminals', count(lambda n: pty.openpty(), 100))
        watching = libc.inotify_init()
        os.makedirs('/tmp/watched', exist_ok=True)
        for n in range(300):
            open(f'/tmp/watched/{n}', 'w').close()
        print('watches', count(lambda n: libc.inotify_add_watch(watching, f'/tmp/watched/{n}'.encode(), 2) >= 0, 300))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
        def queue(n):
            return libc.sigqueue(os.getpid(), signal.SIGRTMIN, 0) == 0
        queued = count(queue, 5000)
        children = []
        for user in (1, 2):
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                os.setresuid(user, user, user)
                os.write(writer, str(count(queue, 5000)).encode())
                signal.pause()
            queued += int(os.read(reader, 10))
            children.append(child)
        for child in children:
            os.kill(child, 9)
        print('signals', queued)
        for kind in ('user', 'net', 'mnt', 'pid', 'ipc', 'uts', 'cgroup', 'time'):
            assert open(f'/proc/sys/user/max_{kind}_namespaces').read() == '0\\n', kind
        """,
    )
    counted = dict(line.split() for line in result.output.decode().splitlines())
    assert (counted["terminals"], counted["watches"]) == ("8", "100"), result
    assert 400 < int(counted["signals"]) <= 500, result  # of three users together, with those that bash needs


async def test_what_is_written_is_watched(make: Make) -> None:
    boxes = make(disk=100 * MB, own_disks=False)
    await sh(boxes, "sleep 1000 &", box="neighbour")
    result = await sh(
        boxes, "mkdir hidden; cd hidden; chmod 0 .; while :; do head -c 50M /dev/zero >>big; sleep 0.3; done"
    )
    assert result.exit_code is None and not result.timed_out, result
    assert kinds(result) == ["disk_full"] and "100 MB" in result.incidents[0].detail, result
    result = await sh(boxes, "chmod 700 hidden; rm -r hidden; echo room >file; sleep 1.5; cat file")
    assert (result.output, result.incidents) == (b"room\n", ()), result
    assert await sh(boxes, "jobs -r | wc -l", box="neighbour") == ShellResult(b"1\n", 0, 2)


async def test_a_file_without_a_name_is_found(make: Make) -> None:
    boxes = make(disk=100 * MB, own_disks=False)
    result = await sh(boxes, "exec 4>big; rm big; for n in {1..40}; do head -c 50M /dev/zero >&4; sleep 0.3; done")
    assert kinds(result) == ["disk_full"], result


async def test_an_archive_that_is_a_bomb(make: Make) -> None:
    boxes = make(disk=50 * MB, own_disks=False)
    await sh(boxes, "head -c 300M /dev/zero | gzip -1 >bomb.gz")
    result = await sh(boxes, "for n in 1 2 3 4 5 6 7 8 9; do gunzip <bomb.gz >bomb.$n; sleep 0.5; done; echo out")
    assert kinds(result) == ["disk_full"] and b"out" not in result.output, result
    assert (await sh(boxes, "rm bomb*; truncate -s 8G sparse; ls")).output == b"sparse\n"


@pytest.mark.parametrize("own_disks", [True, False])
async def test_the_machine_keeps_some_room(make: Make, own_disks: bool) -> None:
    boxes = make(free_disk=1 << 60, own_disks=own_disks)
    result = await sh(boxes, "while :; do head -c 5M /dev/urandom >>big; sync big; sleep 0.3; done")
    assert kinds(result) == ["disk_full"] and "machine" in result.incidents[0].detail, result
    assert (await sh(boxes, "sleep 1.5; echo quiet")).output == b"quiet\n"


async def test_a_disk_of_its_own(make: Make, tmp_path: Path) -> None:
    """It is full for its sandbox alone, of bytes and of files, says so, and gives back what is removed."""
    boxes = make(disk=64 * MB)
    await sh(boxes, "sleep 1000 &", box="neighbour")
    image = tmp_path / "sandboxes" / "1" / "disk.img"
    result = await sh(boxes, "head -c 100M /dev/urandom >big; echo $?; sync big")
    assert result.output.endswith(b"1\n") and b"No space left" in result.output, result
    assert kinds(result) == ["disk_full"] and "is full" in result.incidents[0].detail, result
    full = image.stat().st_blocks
    assert full * 512 <= 64 * MB
    assert await sh(boxes, "rm big; echo room >file; cat file") == ShellResult(b"room\n", 0, 5)
    result = await sh(boxes, "mkdir many; cd many; i=0; while : >f$((i++)); do :; done 2>/dev/null")
    assert kinds(result) == ["disk_full"] and "files" in result.incidents[0].detail, result
    assert kinds(await sh(boxes, "cd /workspace; rm -r many; sync; df . >/dev/null")) == []
    assert await sh(boxes, "jobs -r | wc -l; echo here >file", box="neighbour") == ShellResult(b"1\n", 0, 2)
    await boxes.stop("box")
    assert image.stat().st_blocks < full / 2
    assert (await sh(boxes, "cat file")).output == b"room\n"


async def test_a_sandbox_from_before_goes_on_in_its_directory(make: Make, tmp_path: Path) -> None:
    """Of a version, or on a machine, without disks: its files stay where they are."""
    before = make(own_disks=False)
    await sh(before, "echo kept >file; echo kept >/usr/local/file")
    await before.stop("box")
    boxes = make()
    assert (await sh(boxes, "cat file /usr/local/file")).output == b"kept\nkept\n"
    await boxes.restore(await boxes.snapshot("box"), "other")
    assert (await sh(boxes, "cat file; echo more >>file; cat /proc/mounts | grep -c ^/dev/loop", box="other")).output[
        :5
    ] == b"kept\n"
    assert (tmp_path / "sandboxes" / "1" / "disk.img").exists()
    assert (await sh(boxes, "cat file")).output == b"kept\n"


async def test_incidents_are_kept_with_their_run(make: Make) -> None:
    boxes = make(memory=64 * MB)
    run = Run(secrets.token_hex(8))
    first = await boxes.shell("box", HOG, run=run, timeout=60, output_limit=1000)
    assert kinds(first) == ["out_of_memory"]
    await boxes.close()
    again = make(memory=64 * MB)
    assert await again.shell("box", HOG, run=run, timeout=60, output_limit=1000) == first


async def test_incidents_of_a_run_that_outlives_its_server(make: Make) -> None:
    boxes, run = make(memory=64 * MB), Run(secrets.token_hex(8))
    script = f"{HOG} >/dev/null; touch /tmp/over; until [ -e /tmp/go ]; do sleep 0.01; done; echo end"
    call = asyncio.create_task(boxes.shell("box", script, run=run, timeout=60, output_limit=1000))
    await boxes.exec("box", ["sh", "-c", "until [ -e /tmp/over ]; do sleep 0.01; done"])
    await boxes.close()
    await asyncio.gather(call, return_exceptions=True)
    again = make(memory=64 * MB)
    await again.recover()
    call = asyncio.create_task(again.shell("box", script, run=run, timeout=60, output_limit=1000))
    await again.exec("box", ["touch", "/tmp/go"])
    result = await call
    assert result.output == b"end\n" and kinds(result) == ["out_of_memory"], result


async def test_incidents_are_told_to_everybody(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    boxes = make(memory=64 * MB)
    one, two = boxes.events(), boxes.events()
    with caplog.at_level(logging.WARNING, "journeyman.sandboxes"):
        result = await sh(boxes, HOG)
    expected = SandboxEvent("box", result.incidents[0])
    assert await anext(one) == await anext(two) == expected
    assert caplog.records[0].getMessage().startswith("sandbox=box incident=out_of_memory ")
    await boxes.close()
    assert [event async for event in one] == []


def test_what_the_model_reads() -> None:
    incident = Incident("disk_full", "The disk is full.")
    text = rendered(ShellResult(b"out", 0, 3, incidents=(incident,)), 60)
    assert text.content[0]["text"] == "out\nThe disk is full." and not text.is_error
    text = rendered(ShellResult(b"", None, 0, incidents=(incident,)), 60)
    assert text.content[0]["text"] == "The disk is full." and text.is_error


async def test_soft_limits_of_an_ordinary_user() -> None:
    data_dir = Path(tempfile.mkdtemp(prefix="soft-"))
    user = 54_322
    os.chown(data_dir, user, user)
    try:
        command = [sys.executable, str(Path(__file__).with_name("soft.py")), str(user), str(data_dir)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd="/")
        output, _ = await process.communicate()
    finally:
        shutil.rmtree(data_dir)
    lines = output.decode().splitlines()
    assert process.returncode == 0, lines
    assert [line for line in lines if not line.startswith("ok ")] == []
    assert len(lines) == 5
