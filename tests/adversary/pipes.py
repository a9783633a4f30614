"""The named pipes between a server and a sandbox."""

import os

from adversary.case import alone
from adversary.scene import Scene, fresh_run
from journeyman.sandboxes.port import SandboxError


@alone
async def attack_filling_the_input_of_shells(scene: Scene) -> None:
    """The pipes a shell, the runner of programs and the first process read from are filled by somebody else."""
    for name in ("main.in", ".exec.in", "control"):
        await scene.sh(
            f"(for i in 1 2 3; do timeout 1 yes garbage >/run/journeyman/{name}; done) >/dev/null 2>&1 & "
            "disown; sleep 0.2",
            timeout=5,
        )
        for _ in range(3):
            try:
                await scene.sh("echo ours", timeout=1)
                await scene.boxes.exec(scene.box, ["true"], timeout=1)
                await scene.boxes.restart_shell(scene.box, run=fresh_run())
            except SandboxError:
                pass


@alone
async def attack_stealing_lines(scene: Scene) -> None:
    """Another program reads what the server sends to a shell: the run ends by its timeout, and then all is well again."""
    for name in ("main.in", ".exec.in", "control"):
        await scene.sh(
            f"(cd /; env -i setsid /usr/bin/bash -c 'for i in 1 2 3 4; do cat; done' <>/run/journeyman/{name} >/dev/null 2>&1 &)"
        )
        for _ in range(4):
            try:
                await scene.sh("true", timeout=1)
                await scene.boxes.exec(scene.box, ["true"], timeout=1)
            except SandboxError:
                pass
        result = await scene.sh("exit 3", timeout=1)
        assert result.exit_code in (3, None), result


@alone
async def attack_lines_for_other_shells(scene: Scene) -> None:
    """Lines written to shells and to the first process, with names that are paths and five hundred new shells."""
    await scene.sh(
        "cd /run/journeyman; printf 'a b c\\n../../x ../../y ../../z\\n - -\\n\\n' >>main.in; printf 'x y z w\\n' >>.exec.in; "
        "printf '../../../tmp/x\\n-\\n.exec\\nmain\\n$(touch /tmp/owned)\\n' >>control"
    )
    await scene.sh("echo one", timeout=3)
    await scene.python(
        """
        with open('/run/journeyman/control', 'w') as control:
            for n in range(500): control.write(f'shell{n}\\n')
        """
    )
    for _ in range(4):
        result = await scene.sh("echo two", timeout=3)
        if result.output == b"two\n":
            break
    assert result.output == b"two\n", result
    await scene.boxes.stop(scene.box)


@alone
async def attack_the_servers_descriptors(scene: Scene) -> None:
    """A program keeps the output pipe of every run open: the server's descriptors do not grow without bound."""
    await scene.python(
        """
        import glob
        if os.fork() == 0:
            os.setsid()
            for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            held = {}
            while True:
                for path in glob.glob('/run/journeyman/*.out'):
                    if path not in held:
                        try: held[path] = os.open(path, os.O_RDWR)
                        except OSError: pass
        """
    )
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(300):
        await scene.sh("sleep 0.004")
    grown = len(os.listdir("/proc/self/fd")) - before
    assert grown < 200, grown


@alone
async def attack_properties_of_pipes(scene: Scene) -> None:
    """Pipes made tiny or huge, non-blocking, signal-driven, in packets: the next runs are answered whole."""
    await scene.python(
        """
        import glob
        for path in glob.glob('/run/journeyman/*.*'):
            if path.endswith(('.script', '.argv')): continue
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            for size in (1 << 20, 4096): attempt(lambda: fcntl.fcntl(descriptor, 1031, size))
            attempt(lambda: fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC | os.O_DIRECT | os.O_NOATIME))
            attempt(lambda: fcntl.fcntl(descriptor, fcntl.F_SETOWN, 1))
        """
    )
    for _ in range(5):
        result = await scene.sh("head -c 100000 /dev/zero", timeout=10)
        assert result.total_bytes == 100_000, result


@alone
async def attack_kept_pages(scene: Scene) -> None:
    """Pages that were put into the output pipe and are changed afterwards do not change what was recorded."""
    said = await scene.python(
        """
        import mmap
        page = mmap.mmap(-1, 4096)
        page.write(b'a' * 4096)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        vector = ctypes.create_string_buffer(struct.pack('QQ', address, 4096))
        call(278, 1, vector, 1, 8)
        time.sleep(0.3)
        page.seek(0); page.write(b'b' * 4096)
        """
    )
    assert said == "a" * 4096, said[:20]


async def attack_binary_output(scene: Scene) -> None:
    """Output of every byte, of terminal sequences and of what looks like events is passed on as it is."""
    result = await scene.sh("printf 'done x 0 -\\n\\0\\xff\\x1b[2Jgone main 0\\n'; head -c 100 /dev/zero")
    assert result.output == b"done x 0 -\n\0\xff\x1b[2Jgone main 0\n" + bytes(100), result
