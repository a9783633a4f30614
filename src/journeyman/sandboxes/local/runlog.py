"""Runs on disk, out of the sandbox's reach: what was begun, and what it gave."""

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast

import orjson

from journeyman.egress.identity import Process
from journeyman.sandboxes.local.capture import Kept
from journeyman.sandboxes.local.group import Counters
from journeyman.sandboxes.local.memory import News
from journeyman.sandboxes.port import Incident, Kind, ShellResult, UnknownOutcome

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_KEPT_OUTPUTS = 128
_OUTCOME = 2048
_OUTPUT = 4096
_INCIDENTS, _DETAIL = 4, 400
"""So many of so many characters fit."""


class Started(NamedTuple):
    """What is known when a run begins."""

    token: str
    pipe: str
    shell: str
    at: float
    """wall clock, seconds"""
    ticks: int
    """clock ticks since boot"""
    timeout: float
    limit: int
    counters: Counters
    """the sandbox's, before it"""
    process: Process
    news: News = News()


class _Outcome(TypedDict):
    exit_code: int | None
    total: int
    limit: int
    timed_out: bool
    cancelled: bool
    restarted: bool
    incidents: NotRequired[list[list[str]]]


class RunLog:
    """A file per run: how it started, from byte 2048 how it ended, from byte 4096 its output.

    ID.live is renamed to ID.done when it has ended. One file, because making files is what costs time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._finished = 0

    def answer(self, run: str) -> ShellResult | None:
        """What a finished run gave. Raises UnknownOutcome when it is too long ago."""
        try:
            descriptor = os.open(self._file(run, "done"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            outcome = _outcome(descriptor)
            assert outcome is not None
            kept = Kept(descriptor, _OUTPUT, outcome["limit"])
            if outcome["total"] and not kept.total:
                raise UnknownOutcome("This command was run before and its output is no longer kept. Check its effects.")
            cut = outcome["timed_out"], outcome["cancelled"], outcome["restarted"]
            incidents = tuple(Incident(cast("Kind", kind), detail) for kind, detail in outcome.get("incidents", []))
            return ShellResult(kept.read(), outcome["exit_code"], outcome["total"], *cut, incidents)
        finally:
            os.close(descriptor)

    def begin(self, run: str, started: Started) -> int:
        """Record it and lock the record; returns its descriptor. Raises FileExistsError when it is known."""
        descriptor = os.open(self._file(run, "live"), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if self._file(run, "done").exists():
            self._file(run, "live").unlink()
            os.close(descriptor)
            raise FileExistsError(run)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.pwrite(descriptor, _packed(started).ljust(_OUTPUT, b"\0"), 0)
        return descriptor

    def take_over(self, run: str, *, wait: bool) -> tuple[int, Started] | None:
        """Lock the record of a run that goes on; None when it has ended.

        While another server has it, blocks or, without `wait`, raises BlockingIOError.
        """
        live = self._file(run, "live")
        try:
            descriptor = os.open(live, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            started = _started(descriptor)
            if started and _outcome(descriptor) is None:
                return descriptor, started
        except BlockingIOError:
            os.close(descriptor)
            raise
        # It ended, or never began: the server was killed just before it said so.
        with contextlib.suppress(FileNotFoundError):
            live.rename(live.with_suffix(".done")) if started else live.unlink()
        os.close(descriptor)
        return None

    def started(self, run: str) -> Started | None:
        """How a run began that goes on, whoever has its record."""
        try:
            descriptor = os.open(self._file(run, "live"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return _started(descriptor)
        finally:
            os.close(descriptor)

    def live(self) -> list[str]:
        """Names of the runs that were begun and not finished."""
        return [entry.stem for entry in self._path.glob("*.live")]

    def output(self, descriptor: int, limit: int) -> Kept:
        return Kept(descriptor, _OUTPUT, limit)

    def finish(self, run: str, descriptor: int, result: ShellResult, limit: int) -> None:
        """Record the end and let go of the record."""
        outcome: _Outcome = {
            "exit_code": result.exit_code,
            "total": result.total_bytes,
            "limit": limit,
            "timed_out": result.timed_out,
            "cancelled": result.cancelled,
            "restarted": result.restarted,
            "incidents": _bounded(result.incidents),
        }
        os.pwrite(descriptor, orjson.dumps(outcome), _OUTCOME)
        live = self._file(run, "live")
        live.rename(live.with_suffix(".done"))
        os.close(descriptor)
        self._finished += 1
        if self._finished % _KEPT_OUTPUTS == 0:
            self._prune()

    def _prune(self) -> None:
        records = sorted(self._path.glob("*.done"), key=lambda path: path.stat().st_mtime_ns)
        for path in records[:-_KEPT_OUTPUTS]:
            if path.stat().st_size > _OUTPUT:
                os.truncate(path, _OUTPUT)

    def _file(self, run: str, kind: str) -> Path:
        return self._path / f"{run}.{kind}"


def _started(descriptor: int) -> Started | None:
    recorded = os.pread(descriptor, _OUTCOME, 0).rstrip(b"\0")
    return _unpacked(recorded) if recorded else None


def _outcome(descriptor: int) -> _Outcome | None:
    recorded = os.pread(descriptor, _OUTPUT - _OUTCOME, _OUTCOME).rstrip(b"\0")
    if not recorded:
        return None
    outcome: _Outcome = orjson.loads(recorded)
    return outcome


def _packed(started: Started) -> bytes:
    news = [started.news.lost, _bounded(started.news.incidents)]
    return orjson.dumps([*started[:7], list(started.counters), list(started.process), news])


def _unpacked(data: bytes) -> Started:
    fields = orjson.loads(data)
    counters, process, (lost, incidents) = fields[7:]
    news = News(lost, tuple(Incident(*each) for each in incidents))
    return Started(*fields[:7], counters=Counters(*counters), process=Process(*process), news=news)


def _bounded(incidents: Sequence[Incident]) -> list[list[str]]:
    return [[kind, detail[:_DETAIL]] for kind, detail in incidents[:_INCIDENTS]]


def file_name(run: str) -> str:
    """A run id as a file name."""
    return run if _SAFE.fullmatch(run) else "h-" + hashlib.sha256(run.encode()).hexdigest()
