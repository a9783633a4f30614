"""The highest fence a sandbox has seen, shared by all servers that use it."""

import os
from pathlib import Path

from journeyman.sandboxes.port import Run, StaleRun

_WIDTH = 20


class Fence:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def check(self, run: Run) -> None:
        """Let a run pass and remember its fence. Raises StaleRun."""
        seen = int(os.pread(self._file, _WIDTH, 0) or b"0")
        if run.fence < seen:
            raise StaleRun(f"Run {run.id} has fence {run.fence}, and {seen} was seen: another server has the session.")
        if run.fence > seen:
            os.pwrite(self._file, b"%0*d" % (_WIDTH, run.fence), 0)

    def close(self) -> None:
        os.close(self._file)
