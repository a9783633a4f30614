"""What programs of the sandbox tell the server: false results and floods."""

import asyncio
import time
from pathlib import Path

from adversary.case import alone
from adversary.scene import Scene, fresh_run
from journeyman.sandboxes.port import SandboxError

EVENTS = "/run/journeyman/*.events"


@alone
async def attack_false_results(scene: Scene) -> None:
    """A script tells of its own end, with its own token and absurd statuses: a result comes, and the next one is right."""
    for status in (
        "0",
        "256",
        "99999999999999999999",
        "9" * 400,
        "-1",
        "1e9",
        "\\xd9\\xa1",
        "",
        "None",
        "0 0 0",
        "7 -\\n",
    ):
        forged = (
            f"for f in {EVENTS}; do printf 'done %s {status} -\\n' $JOURNEYMAN_RUN 1<>$f; done; sleep 0.1; echo late"
        )
        result = await scene.sh(forged, timeout=5)
        assert result.exit_code is None or 0 <= result.exit_code <= 255, (status, result)
        before = f"for f in {EVENTS}; do printf 'done %s 0 {'9' * 300}\\n' $JOURNEYMAN_RUN 1<>$f; done; sleep 0.1"
        await scene.sh(before, timeout=5)
        result = await scene.sh("echo true; (exit 6)", timeout=5)
        assert (result.output, result.exit_code) == (b"true\n", 6), (status, result)


@alone
async def attack_events_that_are_no_events(scene: Scene) -> None:
    """Endless lines, NUL bytes, half lines, unknown words: skipped, and what follows is heard."""
    for noise in (
        "head -c 300000 /dev/zero",
        "head -c 300000 /dev/urandom",
        "printf 'done'",
        "printf '\\n\\n \\n  \\n'",
    ):
        await scene.sh(f"for f in {EVENTS}; do {noise} 1<>$f; done", timeout=10)
        result = await scene.sh("echo heard; (exit 2)", timeout=5)
        assert (result.output, result.exit_code) == (b"heard\n", 2), (noise, result)


async def _slowest(scene: Scene, seconds: float) -> float:
    """The slowest of a neighbour's commands during some seconds."""
    end, slowest = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        begun = time.monotonic()
        result = await scene.sh("echo neighbour", box=scene.neighbour, timeout=20)
        assert result.output == b"neighbour\n"
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(0.01)
    return slowest


@alone
async def attack_the_servers_time_by_events(scene: Scene) -> None:
    """Floods of lines that each make the server do something: its other sandboxes go on as fast as before."""
    await scene.python(
        """
        for _ in range(200):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for fd in (0, 1, 2): os.dup2(os.open('/dev/null', os.O_RDWR), fd)
                    time.sleep(1000)
                os._exit(0)
            os.wait()
        """
    )
    for line in ("up nobody", "up main", "gone main 0", "gone .exec 0", "done x 0 -", "y"):
        flood = asyncio.create_task(
            scene.sh(f"for f in {EVENTS}; do timeout -s KILL 0.7 yes '{line}' 1<>$f; done; echo over", timeout=15)
        )
        slowest = await _slowest(scene, 1)
        result = await flood
        assert slowest < 1, f"{line}: a neighbour's command took {slowest:.2f} s"
        assert not result.timed_out, (line, result)
        await scene.sh("true")


@alone
async def attack_the_servers_time_by_output(scene: Scene) -> None:
    """Endless output of shells, background jobs and programs: neighbours go on."""
    shells = [asyncio.create_task(scene.sh("yes", timeout=2, shell=f"s{n}")) for n in range(3)]
    ran = asyncio.create_task(scene.boxes.exec(scene.box, ["yes"], timeout=4))
    slowest = await _slowest(scene, 2)
    results = await asyncio.gather(*shells)
    try:
        await ran
    except SandboxError as error:
        assert "did not finish" in str(error)
    for each in results:
        assert each.timed_out and len(each.output) <= 200_000, (len(each.output), each._replace(output=b""))
    await scene.sh("yes & yes | tr y n &")
    assert max(slowest, await _slowest(scene, 1)) < 1, slowest


@alone
async def attack_replayed_runs(scene: Scene) -> None:
    """A run asked for again is answered from outside: nothing that is done inside changes what it gave."""
    run = fresh_run()
    first = await scene.boxes.shell(scene.box, "echo mine", run=run, timeout=5, output_limit=100)
    await scene.sh('for f in /run/journeyman/*.out; do timeout 0.2 sh -c "echo forged 1<>$f"; done')
    again = await scene.boxes.shell(scene.box, "echo other", run=run, timeout=5, output_limit=100)
    assert first == again and first.output == b"mine\n"


@alone
async def attack_recovery(scene: Scene) -> None:
    """A sandbox in the worst state does not keep the server from finding its sandboxes again."""
    await scene.sh("rm -rf /workspace /tmp/* /bin /opt; kill -STOP -1 & kill -9 1", timeout=1)
    found = {info.id: info.state for info in await scene.boxes.recover()}
    assert found[scene.neighbour] == "running", found
    assert Path(scene.data_dir / "sandboxes").is_dir()
    await scene.boxes.destroy(scene.box)
