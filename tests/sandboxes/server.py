"""A server that is killed: does one thing with the provider, says so, and waits for its end.

Usage: server.py DATA_DIR RUN_ID SCRIPT
"""

import asyncio
import sys
from pathlib import Path

from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.port import Run


async def main(data_dir: str, run: str, script: str) -> None:
    boxes = LocalSandboxes(Path(data_dir))
    await boxes.shell(
        "box",
        "cd /tmp; export KEPT=yes; greet() { echo hello $1; }; sleep 1000 &",
        run=Run("before"),
        timeout=30,
        output_limit=1000,
    )
    call = asyncio.create_task(boxes.shell("box", script, run=Run(run), timeout=60, output_limit=1_000_000))
    # The script makes this file when it has begun.
    await boxes.exec("box", ["sh", "-c", "until [ -e /tmp/begun ]; do sleep 0.01; done"])
    print("begun", flush=True)
    await call
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
