"""Runs the conformance checks as an ordinary user and prints what fails. Usage: rootless.py UID DATA_DIR."""

import asyncio
import concurrent.futures.thread  # noqa: F401  (loaded now: the user may not be able to read it later)
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import journeyman.egress.certificates  # noqa: F401  (the same)
from journeyman.sandboxes.conformance import run_checks
from journeyman.sandboxes.local import LocalSandboxes
from journeyman.sandboxes.port import Sandboxes


@contextlib.asynccontextmanager
async def provider(data_dir: Path) -> AsyncIterator[Sandboxes]:
    boxes = LocalSandboxes(data_dir)
    yield boxes
    await boxes.close()


async def main(data_dir: Path) -> None:
    async with provider(data_dir) as boxes:
        for check in await boxes.doctor():
            print(f"doctor {check.name} {check.status}")
    for check in await run_checks(lambda: provider(data_dir)):
        print(f"{check.name} {check.status} {check.detail}")


user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
asyncio.run(main(Path(sys.argv[2])))
