"""Tries every attack where the server is run by an ordinary user; a line of JSON for each. Usage: as_user.py UID WHO DIR.

Run as root, it gives up all privileges first.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401  (loaded now: the user may not be able to read it later)
import json
import os
import sys
import time
import traceback
import unicodedata  # noqa: F401
from pathlib import Path

import journeyman.egress.certificates  # noqa: F401
from adversary.case import Skip
from adversary.cases import CASES
from adversary.scene import perform, staged


async def main(who: str, data_dir: Path) -> None:
    async with staged(data_dir) as scene:
        for case in CASES:
            if who not in case.users:
                continue
            begun, outcome, message = time.monotonic(), "passed", ""
            try:
                await perform(scene, case)
            except Skip as reason:
                outcome, message = "skipped", str(reason)
            except Exception:
                outcome, message = "failed", traceback.format_exc()
            line = {"name": case.name, "outcome": outcome, "seconds": time.monotonic() - begun, "message": message}
            print(json.dumps(line), flush=True)
    left = [path.name for path in (data_dir / "sandboxes").iterdir() if path.name.isdigit()]
    print(json.dumps({"name": "left", "outcome": "failed" if left else "passed", "message": str(left)}), flush=True)


user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
asyncio.run(main(sys.argv[2], Path(sys.argv[3])))
