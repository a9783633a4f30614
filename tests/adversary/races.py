"""Changing files and directories under the server's hands."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

from adversary.hands import read, untouched, write
from adversary.scene import Scene

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
                assert scene.secret.encode() not in await read(scene, "/workspace/swap/d/secret")
                await asyncio.sleep(0)
    await scene.sh("rm -rf /workspace/swap")


async def attack_swapping_a_directory_while_it_is_written(scene: Scene) -> None:
    """The same while the server writes and makes directories: no file of the host changes, none appears."""
    await scene.sh(f"mkdir -p /workspace/swap/d; cd /workspace/swap; ln -s {scene.data_dir} l")
    async with _swapping(scene, "/workspace/swap/d", "/workspace/swap/l"):
        for number in range(200):
            await write(scene, "/workspace/swap/d/secret")
            await write(scene, f"/workspace/swap/d/new{number}/deep/er")
            await asyncio.sleep(0)
    untouched(scene)
    await scene.sh(f"rm -rf /workspace/swap {scene.data_dir}")


async def attack_swapping_a_file(scene: Scene) -> None:
    """A file is exchanged with a pipe, a device or a link while it is read and written: no hang, no way out."""
    await scene.sh(
        f"mkdir -p /workspace/swap; cd /workspace/swap; echo inside >f; mkfifo p; ln -s {scene.secret_file} l"
    )
    for other in ("p", "l"):
        async with _swapping(scene, "/workspace/swap/f", f"/workspace/swap/{other}"):
            for _ in range(150):
                assert scene.secret.encode() not in await read(scene, "/workspace/swap/f")
                await write(scene, "/workspace/swap/f")
    untouched(scene)
    await scene.sh("rm -rf /workspace/swap")


async def attack_directories_that_vanish(scene: Scene) -> None:
    """The directory is moved and removed under the writer: an error or a file inside, nothing else."""
    await scene.sh("mkdir -p /workspace/v; (while :; do mkdir -p d; mv d e; rm -rf e; done) >/dev/null 2>&1 & disown")
    for number in range(200):
        await write(scene, f"/workspace/v/d/x/file{number}")
    await scene.sh("kill %1; kill $!; rm -rf /workspace/v")
    untouched(scene)


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
        await write(scene, f"/workspace/t/file{number % 3}", os.urandom(2000))
    await scene.sh(f"pkill -9 -f {program}; rm -rf /workspace/t")
    untouched(scene)


async def attack_a_file_that_grows(scene: Scene) -> None:
    """A file that grows while it is read is read up to the limit, not for ever."""
    await scene.sh(": >/workspace/grows; (while :; do head -c 1000000; done </dev/zero >/workspace/grows) & disown")
    for _ in range(20):
        found = await scene.boxes.read(scene.box, "/workspace/grows", limit=100_000)
        assert len(found.data) <= 100_000
    await scene.sh("kill $!; rm -f /workspace/grows")


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
    await read(scene, "/workspace/leased")
    await write(scene, "/workspace/leased")
    assert time.monotonic() - begun < 3
    await scene.sh("pkill -9 python3; rm -f /workspace/leased")
