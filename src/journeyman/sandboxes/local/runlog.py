"""Runs on disk, out of the sandbox's reach: what was begun, and what it gave."""

import contextlib
import fcntl
import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple, TypedDict

import orjson

from journeyman.sandboxes.local.capture import Kept
from journeyman.sandboxes.local.identity import Process
from journeyman.sandboxes.port import ShellResult, UnknownOutcome

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_KEPT_OUTPUTS = 128


class Started(NamedTuple):
    """What is known when a run begins."""

    token: str
    shell: str
    at: float
    """wall clock, seconds"""
    ticks: int
    """clock ticks since boot"""
    timeout: float
    limit: int
    process: Process


class _Outcome(TypedDict):
    exit_code: int | None
    total: int
    limit: int
    timed_out: bool
    cancelled: bool
    restarted: bool


class RunLog:
    """Two files per run: ID.live, renamed to ID.done when it ends, and ID.out, the output."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._finished = 0

    def answer(self, run: str) -> ShellResult | None:
        """What a finished run gave. Raises UnknownOutcome when it is too long ago."""
        try:
            outcome: _Outcome = orjson.loads(self._file(run, "done").read_bytes())
        except FileNotFoundError:
            return None
        out = self._file(run, "out")
        if outcome["total"] and not out.exists():
            raise UnknownOutcome("This command was run before, and its output is no longer kept. Check its effects.")
        output = Kept(out, outcome["limit"]).read()
        cut = outcome["timed_out"], outcome["cancelled"], outcome["restarted"]
        return ShellResult(output, outcome["exit_code"], outcome["total"], *cut)

    def begin(self, run: str, started: Started) -> int:
        """Record it and lock the record; returns the lock's descriptor. Raises FileExistsError when it is known."""
        descriptor = os.open(self._file(run, "live"), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if self._file(run, "done").exists():
            self._file(run, "live").unlink()
            os.close(descriptor)
            raise FileExistsError(run)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, orjson.dumps(started))
        return descriptor

    def take_over(self, run: str) -> tuple[int, Started] | None:
        """Lock the record of a run that goes on, waiting while another server has it; None when it has ended."""
        try:
            descriptor = os.open(self._file(run, "live"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if self._file(run, "done").exists():
            os.close(descriptor)
            return None
        fields = orjson.loads(os.pread(descriptor, 65_536, 0))
        return descriptor, Started(*fields[:-1], process=Process(*fields[-1]))

    def live(self) -> list[str]:
        """Names of the runs that were begun and not finished."""
        return [entry.stem for entry in self._path.glob("*.live")]

    def output(self, run: str, limit: int) -> Kept:
        return Kept(self._file(run, "out"), limit)

    def finish(self, run: str, descriptor: int, result: ShellResult, limit: int) -> None:
        """Record the end and let go of the lock."""
        outcome: _Outcome = {
            "exit_code": result.exit_code,
            "total": result.total_bytes,
            "limit": limit,
            "timed_out": result.timed_out,
            "cancelled": result.cancelled,
            "restarted": result.restarted,
        }
        live = self._file(run, "live")
        # The new content is complete before it has the name that says so.
        staged = live.with_suffix(".new")
        staged.write_bytes(orjson.dumps(outcome))
        staged.rename(live.with_suffix(".done"))
        live.unlink()
        os.close(descriptor)
        self._finished += 1
        if self._finished % _KEPT_OUTPUTS == 0:
            self._prune()

    def known(self, run: str) -> bool:
        return self._file(run, "done").exists() or self._file(run, "live").exists()

    def _prune(self) -> None:
        outputs = sorted(self._path.glob("*.out"), key=lambda path: path.stat().st_mtime_ns)
        for path in outputs[:-_KEPT_OUTPUTS]:
            if path.with_suffix(".done").exists():
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()

    def _file(self, run: str, kind: str) -> Path:
        return self._path / f"{file_name(run)}.{kind}"


def file_name(run: str) -> str:
    """A run id as a file name."""
    return run if _SAFE.fullmatch(run) else "h-" + hashlib.sha256(run.encode()).hexdigest()
