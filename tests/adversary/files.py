"""Leading the server's own hands astray: links, races, odd files and odd names."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from adversary.case import alone, defect, only_for
from adversary.scene import Scene, fresh_name, fresh_run
from journeyman.sandboxes.port import SandboxError

ANSWERS = (OSError, SandboxError)
"""What a call may raise; anything else is a mistake of the server's."""


async def _read(scene: Scene, path: str) -> bytes:
    """What the server reads, or nothing where it refuses; never long."""
    async with asyncio.timeout(5):
        try:
            return (await scene.boxes.read(scene.box, path, limit=1000)).data
        except ANSWERS as error:
            assert str(scene.data_dir) not in str(error).replace(path, ""), error
            return b""


async def _write(scene: Scene, path: str, data: bytes = b"written") -> bool:
    async with asyncio.timeout(5):
        try:
            await scene.put(path, data)
        except ANSWERS as error:
            assert str(scene.data_dir) not in str(error).replace(path, ""), error
            return False
        return True


def _untouched(scene: Scene) -> None:
    assert scene.secret_file.read_text() == scene.secret
    assert {path.name for path in scene.data_dir.iterdir() if not path.name.startswith("data-")} <= {
        "secret",
        "sandboxes",
    }


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
        assert await _read(scene, name) == b"", path
    for path in ("a", "r", *below):
        await _write(scene, f"/workspace/l/{path}")
    _untouched(scene)
    await scene.sh(f"rm -rf /workspace/l {scene.data_dir}")


SWAP = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
  while (1) syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2);
}
"""


@contextlib.asynccontextmanager
async def _swapping(scene: Scene, one: str, other: str) -> AsyncIterator[None]:
    """While a program exchanges two names as fast as it can."""
    program = await scene.program(SWAP)
    await scene.sh(f"{program} {one} {other} & disown")
    try:
        yield
    finally:
        await scene.sh(f"pkill -9 -f {program}")


async def attack_swapping_a_directory_while_it_is_read(scene: Scene) -> None:
    """A directory is exchanged with a link to the host's between the server's look and its open: hundreds of times."""
    await scene.sh(
        f"mkdir -p /workspace/swap/d; cd /workspace/swap; echo inside >d/secret; ln -s {scene.data_dir} l; "
        f"ln -s {'../' * 30}{str(scene.data_dir)[1:]} k"
    )
    for link in ("l", "k"):
        async with _swapping(scene, "/workspace/swap/d", f"/workspace/swap/{link}"):
            for _ in range(300):
                assert scene.secret.encode() not in await _read(scene, "/workspace/swap/d/secret")
                await asyncio.sleep(0)
    await scene.sh("rm -rf /workspace/swap")


async def attack_swapping_a_directory_while_it_is_written(scene: Scene) -> None:
    """The same while the server writes and makes directories: no file of the host changes, none appears."""
    await scene.sh(f"mkdir -p /workspace/swap/d; cd /workspace/swap; ln -s {scene.data_dir} l")
    async with _swapping(scene, "/workspace/swap/d", "/workspace/swap/l"):
        for number in range(200):
            await _write(scene, "/workspace/swap/d/secret")
            await _write(scene, f"/workspace/swap/d/new{number}/deep/er")
            await asyncio.sleep(0)
    _untouched(scene)
    await scene.sh(f"rm -rf /workspace/swap {scene.data_dir}")


async def attack_swapping_a_file(scene: Scene) -> None:
    """A file is exchanged with a pipe, a device or a link while it is read and written: no hang, no way out."""
    await scene.sh(
        f"mkdir -p /workspace/swap; cd /workspace/swap; echo inside >f; mkfifo p; ln -s {scene.secret_file} l"
    )
    for other in ("p", "l"):
        async with _swapping(scene, "/workspace/swap/f", f"/workspace/swap/{other}"):
            for _ in range(150):
                assert scene.secret.encode() not in await _read(scene, "/workspace/swap/f")
                await _write(scene, "/workspace/swap/f")
    _untouched(scene)
    await scene.sh("rm -rf /workspace/swap")


async def attack_directories_that_vanish(scene: Scene) -> None:
    """The directory is moved and removed under the writer: an error or a file inside, nothing else."""
    await scene.sh("mkdir -p /workspace/v; (while :; do mkdir -p d; mv d e; rm -rf e; done) >/dev/null 2>&1 & disown")
    for number in range(200):
        await _write(scene, f"/workspace/v/d/x/file{number}")
    await scene.sh("kill %1; kill $!; rm -rf /workspace/v")
    _untouched(scene)


async def attack_stolen_drafts(scene: Scene) -> None:
    """The file the server prepares is removed, or replaced by a link, before it gets its name."""
    program = await scene.program(
        r"""
        #include <dirent.h>
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
          if (chdir(argv[1])) return 1;
          for (int n = 0;; n++) {
            DIR *d = opendir("."); struct dirent *e;
            while ((e = readdir(d))) if (e->d_name[0] == '.' && strstr(e->d_name, ".new")) {
              unlink(e->d_name); if (n % 2) symlink(argv[2], e->d_name);
            }
            closedir(d);
          }
        }
        """
    )
    await scene.sh(f"mkdir -p /workspace/t; {program} /workspace/t {scene.secret_file} & disown")
    for number in range(200):
        await _write(scene, f"/workspace/t/file{number % 3}", os.urandom(2000))
    await scene.sh(f"pkill -9 -f {program}; rm -rf /workspace/t")
    _untouched(scene)


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
        assert await _read(scene, path) == b"", path
        assert not await _write(scene, path), path
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
        assert await _read(scene, f"/proc/{path}") == b"", path
        assert not await _write(scene, f"/proc/{path}"), path
    for path in ("sysrq-trigger", "sys/kernel/sysrq", "1/oom_score_adj", "self/attr/current", "new"):
        assert not await _write(scene, f"/proc/{path}"), path


@only_for("root")
@alone
async def attack_what_only_the_hosts_root_may_read(scene: Scene) -> None:
    """Files of the base that only the host's root may read are not read by a server that is root."""
    hidden = Path("/usr/local", fresh_name(f"hidden-{os.getpid()}"))
    try:
        hidden.touch(0o600)
        hidden.write_text("hidden")
        assert (await scene.said(f"cat {hidden}")).count("hidden") == str(hidden).count("hidden")
        assert await _read(scene, str(hidden)) == b""
    finally:
        hidden.unlink(missing_ok=True)


async def attack_a_file_that_grows(scene: Scene) -> None:
    """A file that grows while it is read is read up to the limit, not for ever."""
    await scene.sh("(while :; do head -c 1000000; done </dev/zero >/workspace/grows) & disown")
    for _ in range(20):
        found = await scene.boxes.read(scene.box, "/workspace/grows", limit=100_000)
        assert len(found.data) <= 100_000
    await scene.sh("kill $!; rm -f /workspace/grows")


async def attack_huge_files(scene: Scene) -> None:
    """A file of a terabyte that takes no room: reading a part and writing over it cost no more than for others."""
    await scene.sh("truncate -s 1T /workspace/huge")
    begun = time.monotonic()
    found = await scene.boxes.read(scene.box, "/workspace/huge", offset=1 << 39, limit=1000)
    assert found.data == bytes(1000)
    await scene.put("/workspace/huge", b"small")
    assert time.monotonic() - begun < 5, time.monotonic() - begun
    assert (await scene.boxes.read(scene.box, "/workspace/huge", limit=10)).data == b"small"


async def attack_leases_and_locks(scene: Scene) -> None:
    """A lease or a lock on a file would make its next opener wait: the server does not wait."""
    said = await scene.python(
        """
        descriptor = os.open('/workspace/leased', os.O_RDWR | os.O_CREAT)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        print(attempt(lambda: fcntl.fcntl(descriptor, 1024, fcntl.F_WRLCK)), flush=True)
        if os.fork() == 0:
            os.setsid()
            for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
            time.sleep(1000)
        """
    )
    assert said == "ok\n", said
    begun = time.monotonic()
    await _read(scene, "/workspace/leased")
    await _write(scene, "/workspace/leased")
    assert time.monotonic() - begun < 3
    await scene.sh("pkill -9 python3; rm -f /workspace/leased")


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
        assert await _read(scene, f"/workspace/n/{name}") == b"odd", name
        assert await _write(scene, f"/workspace/n/{name}"), name
    assert await _write(scene, "/workspace/n/link")
    for name in ("\ud800", "a\0b", "x" * 300, "x/" * 3000, "y" * 100_000, "..", "\0", "/" * 5000, "", " ", "~", "%s%n"):
        await _read(scene, f"/workspace/n/{name}")
        await _write(scene, f"/workspace/n/{name}" if name else name)
        await _read(scene, name)
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
        await _write(scene, f"/workspace/deep/{name}")
        assert await _read(scene, f"/workspace/deep/{name}") in (b"", b"written")
    await scene.sh("rm -rf /workspace/deep")


@alone
async def attack_a_tree_that_cannot_be_removed(scene: Scene) -> None:
    """Directories three thousand deep, without permissions, full of odd files: the sandbox is removed without a trace."""
    await scene.python(
        """
        os.chdir('/workspace')
        for _ in range(3000):
            os.mkdir('d' * 50)
            os.chdir('d' * 50)
        os.mkdir('/workspace/closed'); open('/workspace/closed/x', 'w'); os.mkfifo('/workspace/closed/fifo')
        attempt(lambda: os.chown('/workspace/closed/x', 1000, 1000))
        attempt(lambda: os.chown('/workspace/closed', 1000, 1000))
        os.chmod('/workspace/closed', 0)
        os.mkdir(b'/workspace/\\xff\\n'); os.chmod('/workspace', 0o555)
        """
    )
    slot = await scene.slot()
    await scene.boxes.destroy(scene.box)
    assert not slot.exists()


@defect(
    "as root the sandboxes' directories can be passed by every user: slots should be 0710 with the sandbox's group",
    "root",
)
async def attack_programs_left_for_the_host(scene: Scene) -> None:
    """A set-user-id program left in the sandbox cannot be reached, and so not run, by other users of the host."""
    await scene.sh("cp /usr/bin/cat /workspace/left; chmod 6755 /workspace/left; chmod 755 /workspace; echo x >/tmp/x")
    slot = await scene.slot()
    for found in (slot / "root/workspace/left", slot / "io/main.in", slot / "root/tmp/x"):
        passed = [path for path in found.parents if path.is_relative_to(scene.data_dir / "sandboxes")]
        closed = [path for path in passed if not path.stat().st_mode & 0o001]
        assert closed, f"{found} can be reached by everybody"


async def attack_hard_links(scene: Scene) -> None:
    """Files of the base and of the server's pipes cannot be linked to where they could be changed."""
    await scene.fails(
        """
        for number, source in enumerate(['/usr/bin/env', '/etc/services', '/run/journeyman/main.in',
                '/run/journeyman/init', '/proc/1/exe', '/proc/self/status']):
            for place in ('/workspace/hard', '/usr/local/hard', '/etc/hard', '/run/journeyman/hard'):
                name = f'{place}{number}'
                said = attempt(lambda: os.link(source, name))
                if said == 'ok':
                    wrote = attempt(lambda: open(name, 'a').write('x'))
                    if wrote == 'ok' and not source.startswith('/etc'): print('SUCCEEDED', source, name)
                    os.unlink(name)
        """
    )


async def attack_the_pipes_directory(scene: Scene) -> None:
    """/run/journeyman is read-only: no name in it can be made, changed, removed or replaced, by shell or by server."""
    before = set((await scene.said("ls -A /run/journeyman | grep -v -e .script -e .out -e .argv -e .stdin")).split())
    await scene.sh(
        "cd /run/journeyman; rm -f *; mv init gone; ln -s /etc/passwd link; mkfifo new; chmod 777 . *; touch *; "
        "chown 1:1 *; echo x >init; echo x >shell; truncate -s 0 exec; rmdir /run/journeyman; mv /run/journeyman /run/x"
    )
    for name in ("init", "shell", "new", "main.script", "../journeyman/x"):
        assert not await _write(scene, f"/run/journeyman/{name}"), name
    after = set((await scene.said("ls -A /run/journeyman | grep -v -e .script -e .out -e .argv -e .stdin")).split())
    assert before == after, after ^ before


async def attack_ownership_of_what_the_server_makes(scene: Scene) -> None:
    """What the server writes belongs to the sandbox's root and has no special bits, whatever was there before."""
    await scene.sh("mkdir -p /workspace/own; cd /workspace/own; echo x >f; chmod 6777 f; chmod 2777 .")
    await _write(scene, "/workspace/own/f")
    await _write(scene, "/workspace/own/a/b/c")
    said = await scene.said("cd /workspace/own; stat -c '%u %a' f a/b/c; rm -rf /workspace/own")
    assert said == "0 777\n0 644\n", said


async def attack_claims_of_recorded_writes(scene: Scene) -> None:
    """A run id that looks like a path stays a name of a record, and writes nothing elsewhere."""
    for name in ("../../../secret", "..", "/etc/passwd", "a\nb", "x" * 5000, "\udcff"):
        run = fresh_run()._replace(id=name) if hasattr(run := fresh_run(), "_replace") else type(run)(name)
        with contextlib.suppress(*ANSWERS, UnicodeEncodeError):
            await scene.boxes.write(scene.box, f"/workspace/{fresh_name('claim')}", b"x", run=run, note="")
    _untouched(scene)
    await scene.sh("rm -f /workspace/claim-*")
