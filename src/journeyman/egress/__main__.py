"""`python -m journeyman.egress DIRECTORY`: starts the process of that directory, and returns when it can be used.

Exit code 0: it runs, started now or before. Little is loaded before the opener has been forked.
"""

import fcntl
import os
import sys
import traceback
from pathlib import Path

from journeyman.egress import opener


def main(directory: Path) -> int:
    came, said = os.pipe()
    if os.fork():
        os.close(said)
        return 0 if os.read(came, 1) == b"+" else 1
    os.close(came)
    try:
        _become(directory, said)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _become(directory: Path, said: int) -> None:
    os.setsid()
    os.umask(0o077)
    opening = opener.start(said)
    # Not before: whoever holds the lock's descriptor holds the lock.
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # another one is at work, or about to be
        os.write(said, b"+")
        return
    from journeyman.egress.process import run  # noqa: PLC0415

    def ready() -> None:
        os.write(said, b"+")
        os.close(said)

    run(directory, opening, ready)


sys.exit(main(Path(sys.argv[1])))
