"""What was refused: a line each in the log, an event each to who listens; the same ones within a second are one."""

import asyncio
import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

_WINDOW = 1.0
_DISTINCT = 256
"""Different ones in a window and sandbox; what goes beyond is counted, and not told apart."""
_LOG_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Denial:
    sandbox: str
    host: str
    port: int
    reason: str
    count: int = 1


class Denials:
    def __init__(self, told: Callable[[Denial], None]) -> None:
        self._told = told
        self._windows: dict[Denial, int] = {}
        """How often each came again since it was told."""
        self._distinct: dict[str, int] = {}

    def report(self, denial: Denial) -> None:
        if denial not in self._windows and self._distinct.get(denial.sandbox, 0) >= _DISTINCT:
            denial = Denial(denial.sandbox, "*", 0, "Too many different hosts within a second to tell them apart.")
        if denial in self._windows:
            self._windows[denial] += 1
            return
        self._windows[denial] = 0
        self._distinct[denial.sandbox] = self._distinct.get(denial.sandbox, 0) + 1
        self._told(denial)
        asyncio.get_running_loop().call_later(_WINDOW, self._close, denial)

    def _close(self, denial: Denial) -> None:
        again = self._windows.pop(denial)
        left = self._distinct.pop(denial.sandbox) - 1
        if left:
            self._distinct[denial.sandbox] = left
        if again:
            self._told(replace(denial, count=again))


class Log:
    """JSON lines in a file; when it has grown, the one before it is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, **fields: object) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self._file.write(orjson.dumps({"time": now, **fields}, option=orjson.OPT_APPEND_NEWLINE))
        if self._file.tell() > _LOG_BYTES:
            self._file.close()
            self._path.rename(self._path.with_suffix(".old"))
            self._file = self._path.open("ab", buffering=0)
