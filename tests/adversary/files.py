"""Leading the server's own hands astray: links, races, odd files and odd names."""

import os
import signal
import time
from pathlib import Path

from adversary.case import alone, only_for
from adversary.hands import read, untouched, write
from adversary.scene import Scene, fresh_name


async def attack_links_to_the_host(scene: Scene) -> None:
    """Links with absolute, relative and kernel-made targets are followed inside the sandbox alone."""
    up, target = "/".join([".."] * 30), scene.secret_file
    await scene.sh(
        f"mkdir -p /workspace/l; cd /workspace/l; ln -s {target} a; ln -s {up}{target} r; ln -s / root; ln -s {up} up; "
        "ln -s /proc/1/root m; ln -s /proc/self/root s; ln -s /proc/self/cwd c; ln -s /proc/1/fd f; ln -s /dev/fd d"
    )
    below = [f"{name}{target}" for name in ("root", "m", "s", "c", "up", "f/3", "d/3", "f/3/..", "m/..")]
    for path in ("a", "r", *below, f"{up}{target}", f"/proc/1/root{target}", f"/proc/self/root{target}"):
        name = path if path.startswith("/") else f"/workspace/l/{path}"
        assert await read(scene, name) == b"", path
    for path in ("a", "r", *below):
        await write(scene, f"/workspace/l/{path}")
    untouched(scene)
    await scene.sh(f"rm -rf /workspace/l {scene.data_dir}")


async def attack_files_without_end(scene: Scene) -> None:
    """Pipes, devices, sockets and directories are no files: refused at once, for reading and for writing."""
    await scene.sh(
        "mkdir -p /workspace/o; cd /workspace/o; mkfifo fifo; ln -s /dev/zero zero; ln -s /dev/stdin in; "
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; ln -s loop loop; mknod white c 0 0"
    )
    own = ("main.in", "control", ".exec.in")
    paths = [f"/workspace/o/{name}" for name in ("fifo", "zero", "in", "sock", "loop", "white", "fifo/x", "")]
    paths += ["/dev/zero", "/dev/random", "/dev/tty", "/dev/ptmx", "/dev/pts/0", "/dev/stdin", "/", "/proc", "."]
    paths += [f"/run/journeyman/{name}" for name in own]
    for path in paths:
        assert await read(scene, path) == b"", path
        assert not await write(scene, path), path
    await scene.sh("rm -rf /workspace/o")


async def attack_files_of_the_kernel(scene: Scene) -> None:
    """Files in /proc, where the server may see more than the sandbox, are not read or written by it."""
    for path in (
        "kcore",
        "kmsg",
        "1/environ",
        "self/mem",
        "1/mem",
        "self/environ",
        "sys/kernel/core_pattern",
        "cmdline",
    ):
        assert await read(scene, f"/proc/{path}") == b"", path
        assert not await write(scene, f"/proc/{path}"), path
    for path in ("sysrq-trigger", "sys/kernel/sysrq", "1/oom_score_adj", "self/attr/current", "new"):
        assert not await write(scene, f"/proc/{path}"), path


@only_for("root")
@alone
async def attack_what_only_the_hosts_root_may_read(scene: Scene) -> None:
    """Files of the base that only the host's root may read are not read by a server that is root."""
    hidden = Path("/usr/local", fresh_name(f"hidden-{os.getpid()}"))
    try:
        hidden.touch(0o600)
        hidden.write_text("hidden")
        assert (await scene.said(f"cat {hidden}")).count("hidden") == str(hidden).count("hidden")
        assert await read(scene, str(hidden)) == b""
    finally:
        hidden.unlink(missing_ok=True)


async def attack_huge_files(scene: Scene) -> None:
    """A file of a terabyte that takes no room: reading a part and writing over it cost no more than for others."""
    made = await scene.sh("truncate -s 1T /workspace/huge")
    if made.exit_code != 0:  # where only a watchdog limits the disk, no file may be larger than it
        assert made.exit_code == 128 + signal.SIGXFSZ, made
        return
    begun = time.monotonic()
    found = await scene.boxes.read(scene.box, "/workspace/huge", offset=1 << 39, limit=1000)
    assert found.data == bytes(1000)
    await scene.put("/workspace/huge", b"small")
    assert time.monotonic() - begun < 5, time.monotonic() - begun
    assert (await scene.boxes.read(scene.box, "/workspace/huge", limit=10)).data == b"small"


async def attack_odd_names(scene: Scene) -> None:
    """Names with line ends, control characters, bytes that are no UTF-8, endless names: answered, never a crash."""
    await scene.python(
        r"""
        os.makedirs('/workspace/n', exist_ok=True)
        for name in (b'\xff\xfe', b'line\nend', b'\x1b[2J', b'-rf', b'..\xc0\xaf'):
            open(b'/workspace/n/' + name, 'w').write('odd')
        os.symlink(b'/workspace/n/\xff\xff', b'/workspace/n/link')
        """
    )
    for name in ("line\nend", "\x1b[2J", "-rf", os.fsdecode(b"\xff\xfe"), os.fsdecode(b"..\xc0\xaf")):
        assert await read(scene, f"/workspace/n/{name}") == b"odd", name
        assert await write(scene, f"/workspace/n/{name}"), name
    assert await write(scene, "/workspace/n/link")
    for name in ("\ud800", "a\0b", "x" * 300, "x/" * 3000, "y" * 100_000, "..", "\0", "/" * 5000, "", " ", "~", "%s%n"):
        await read(scene, f"/workspace/n/{name}")
        await write(scene, f"/workspace/n/{name}" if name else name)
        await read(scene, name)
    await scene.sh("rm -rf /workspace/n")


async def attack_links_to_deep_places(scene: Scene) -> None:
    """A short name that is a link to a path of two thousand missing directories: refused, not made."""
    await scene.python(
        """
        os.makedirs('/workspace/deep', exist_ok=True)
        os.symlink('a/' * 2000 + 'b', '/workspace/deep/link')
        os.symlink('a/' * 2000 + 'b', '/workspace/deep/a')
        for n in range(60): os.symlink(f'chain{n + 1}', f'/workspace/deep/chain{n}')
        """
    )
    for name in ("link", "chain0", "chain30", "link/x"):
        await write(scene, f"/workspace/deep/{name}")
        assert await read(scene, f"/workspace/deep/{name}") in (b"", b"written")
    await scene.sh("rm -rf /workspace/deep")


async def attack_the_pipes_directory(scene: Scene) -> None:
    """/run/journeyman is read-only: no name in it can be made, changed, removed or replaced, by shell or by server."""
    before = set((await scene.said("ls -A /run/journeyman | grep -v -e .script -e .out -e .argv -e .stdin")).split())
    await scene.sh(
        "cd /run/journeyman; rm -f *; mv init gone; ln -s /etc/passwd link; mkfifo new; chmod 777 . *; touch *; "
        "chown 1:1 *; echo x >init; echo x >shell; truncate -s 0 exec; rmdir /run/journeyman; mv /run/journeyman /run/x"
    )
    for name in ("init", "shell", "new", "main.script", "../journeyman/x"):
        assert not await write(scene, f"/run/journeyman/{name}"), name
    after = set((await scene.said("ls -A /run/journeyman | grep -v -e .script -e .out -e .argv -e .stdin")).split())
    assert before == after, after ^ before
