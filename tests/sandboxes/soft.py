"""Limits where nothing is held by control groups. Usage: soft.py UID DATA_DIR; prints `ok NAME` or what was wrong."""

import asyncio
import concurrent.futures.thread  # noqa: F401  (loaded now: the user may not be able to read it later)
import os
import sys
import time
from pathlib import Path

import journeyman.egress.certificates  # noqa: F401  (the same)
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import Limits, LocalSandboxes
from journeyman.sandboxes.port import ShellResult

MB = 1 << 20
START = time.monotonic()


async def sh(boxes: LocalSandboxes, script: str, box: str = "box", timeout: float = 60) -> ShellResult:
    return await boxes.shell(box, script, run=fresh_run(), timeout=timeout, output_limit=10_000)


def say(name: str, result: ShellResult, *kinds: str, output: bytes | None = None) -> None:
    found = tuple(incident.kind for incident in result.incidents)
    right = found == kinds and (output is None or result.output.endswith(output))
    print(f"ok {name} {time.monotonic() - START:.1f}" if right else f"{name}: {result}", flush=True)


async def main(data_dir: Path) -> None:
    boxes = LocalSandboxes(data_dir, limits=Limits(memory=200 * MB, processes=100, disk=100 * MB))
    found = {check.name: check.status for check in await boxes.doctor()}
    soft = [found[name] for name in ("memory", "cpus", "processes", "disk")] == ["warn"] * 4
    print("ok doctor" if soft else found)
    hog = "kept=1; python3 -c 'import time; x = bytearray(400 << 20); time.sleep(20); print(len(x))'; echo after $kept"
    say("memory", await sh(boxes, hog), "out_of_memory", output=b"after 1\n")
    bomb = await sh(boxes, "bomb() { bomb | bomb & }; bomb; sleep 1000", timeout=4)
    say("processes", bomb, "too_many_processes")
    writer = "mkdir hidden; cd hidden; chmod 0 .; while :; do head -c 30M /dev/zero >>big; sleep 0.3; done"
    say("disk", await sh(boxes, writer), "disk_full")
    say("after", await sh(boxes, "chmod 700 hidden; rm -r hidden; ls; echo"), output=b"\n")
    await boxes.destroy("box")
    await boxes.close()


user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
asyncio.run(main(Path(sys.argv[2])))
