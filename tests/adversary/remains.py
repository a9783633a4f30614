"""What a sandbox leaves on the host."""

import contextlib

from adversary.case import alone
from adversary.hands import ANSWERS, untouched, write
from adversary.scene import Scene, fresh_name, fresh_run


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


async def attack_programs_left_for_the_host(scene: Scene) -> None:
    """A set-user-id program left in the sandbox cannot be reached, and so not run, by other users of the host."""
    await scene.sh("cp /usr/bin/cat /workspace/left; chmod 6755 /workspace/left; chmod 755 /workspace; echo x >/tmp/x")
    slot = await scene.slot()
    own = (
        (slot / "disk.img",) if (slot / "disk.img").exists() else (slot / "files/workspace/left", slot / "files/tmp/x")
    )
    for found in (slot / "io/main.in", *own):
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


async def attack_ownership_of_what_the_server_makes(scene: Scene) -> None:
    """What the server writes belongs to the sandbox's root and has no special bits, whatever was there before."""
    await scene.sh("mkdir -p /workspace/own; cd /workspace/own; echo x >f; chmod 6777 f; chmod 2777 .")
    await write(scene, "/workspace/own/f")
    await write(scene, "/workspace/own/a/b/c")
    said = await scene.said("cd /workspace/own; stat -c '%u %a' f a/b/c; rm -rf /workspace/own")
    assert said == "0 777\n0 644\n", said


async def attack_claims_of_recorded_writes(scene: Scene) -> None:
    """A run id that looks like a path stays a name of a record, and writes nothing elsewhere."""
    for name in ("../../../secret", "..", "/etc/passwd", "a\nb", "x" * 5000, "\udcff"):
        run = fresh_run()._replace(id=name) if hasattr(run := fresh_run(), "_replace") else type(run)(name)
        with contextlib.suppress(*ANSWERS, UnicodeEncodeError):
            await scene.boxes.write(scene.box, f"/workspace/{fresh_name('claim')}", b"x", run=run, note="")
    untouched(scene)
    await scene.sh("rm -f /workspace/claim-*")
