"""One run of a plan, in a process of its own."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self

import orjson
from pydantic import ValidationError

from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import (
    SPOKEN,
    Call,
    Checked,
    Done,
    Failed,
    Message,
    PhaseEnded,
    PhaseStarted,
    Ready,
    RefusedPlan,
    Spoken,
    Waiting,
)
from journeyman.workflows.plan import Problem, Refused
from journeyman.workflows.starting import start

_UNREADABLE = "The plan cannot be read: it is nested too deeply."
_ENDED = "The interpreter ended before the plan did."
_MALFORMED = "The interpreter said what makes no sense."


class Outcome(NamedTuple):
    """How an agent's call ended: its result as JSON text, or why it failed, which the plan can catch."""

    value: str | None = None
    error: str | None = None


class Run:
    """A plan that runs while it is entered: go through it for what it says, and `answer` its calls.

    The last message is Done or Failed, unless it is stopped. To go on with a run whose process is gone, run the plan
    again with the outcomes that are known; phases and log lines are then said again, with the same keys.
    """

    def __init__(
        self,
        plan: str,
        known: Mapping[str, Outcome] | None = None,
        limits: Limits | None = None,
        *,
        checks: bool = False,
    ) -> None:
        """`checks`: the plan's text is only read; then `declared` or `problems` says what was found."""
        self._plan = plan
        self._known = dict(known or {})
        self._limits = limits or Limits()
        self._process: asyncio.subprocess.Process | None = None
        self._asked: set[str] = set()
        self._answered = 0
        self._phases = 0
        self._computing = True
        self._stirred = asyncio.Event()
        self._stage = "starting"
        self._checks = checks
        self.declared: Checked | None = None
        self.problems: list[Problem] = []
        self.confined = False
        """Whether the kernel holds the process's system calls."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._process = await start(self._limits)
        self._write({"limits": self._limits._asdict()})
        self._write({"plan": self._plan, "run": not self._checks, "known": len(self._known)})
        for key, outcome in self._known.items():
            self._write({"key": key, "value": outcome.value, "error": outcome.error})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def answer(self, key: str, outcome: Outcome) -> None:
        """How a call ended. An answer to what was not asked, or was answered, is left out."""
        if key not in self._asked:
            return
        self._asked.remove(key)
        self._answered += 1
        self._computing = True
        self._stirred.set()
        self._write({"key": key, "value": outcome.value, "error": outcome.error})

    async def stop(self) -> None:
        """Kill the process. What goes through the run comes to its end."""
        process = self._process
        if process is None:
            return
        self._stage = "stopped" if self._stage != "ended" else "ended"
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while self._stage not in {"ended", "stopped"}:
            said = await self._next()
            if self._stage == "stopped":
                return
            message = self._heard(said)
            if isinstance(message, (Done, Failed)):
                self._stage = "ended"
            if message is not None:
                yield message

    def _heard(self, said: Spoken) -> Message | None:  # noqa: PLR0911
        """What is for the outside."""
        match said:
            case Ready():
                self.confined, self._stage = said.confined, "reading"
            case Checked():
                self.declared, self._phases = said, len(said.phases)
                self._stage = "ended" if self._checks else "running"
            case RefusedPlan():
                self.problems = [Problem(max(line, 1), message) for line, message in said.problems]
                return _refused(self.problems)
            case Waiting():
                self._computing = said.heard < self._answered
                if not self._asked and not self._computing:
                    return Failed(kind="unknown", message=_MALFORMED)
            case Call():
                if said.key in self._asked or said.key in self._known or len(self._asked) >= self._limits.calls:
                    return Failed(kind="unknown", message=_MALFORMED)
                self._asked.add(said.key)
                return said
            case PhaseStarted() | PhaseEnded():
                return said if said.phase < self._phases else Failed(kind="unknown", message=_MALFORMED)
            case _:
                return said
        return None

    async def _next(self) -> Spoken:
        """The next line, or the Failed that its absence amounts to."""
        assert self._process is not None
        assert self._process.stdout is not None
        reading = asyncio.ensure_future(self._process.stdout.readline())
        try:
            while not reading.done():
                self._stirred.clear()
                stirred = asyncio.ensure_future(self._stirred.wait())
                patience = self._limits.silence if self._computing else None
                await asyncio.wait({reading, stirred}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                silent = not stirred.done() and self._computing
                stirred.cancel()
                if not reading.done() and silent and self._stage != "stopped":
                    return Failed(kind="timeout", message="The plan computed for too long without calling an agent.")
            return await self._parsed(await reading)
        except ValueError:
            return Failed(kind="unknown", message=_MALFORMED)
        finally:
            reading.cancel()

    async def _parsed(self, line: bytes) -> Spoken:
        if not line.endswith(b"\n"):
            return await self._death()
        try:
            return SPOKEN.validate_json(line)
        except ValidationError:
            return Failed(kind="unknown", message=_MALFORMED)

    async def _death(self) -> Failed:
        assert self._process is not None
        code = await self._process.wait()
        if code == -signal.SIGXCPU:
            return Failed(kind="timeout", message="The plan computed for too long.")
        if self._stage == "reading" and code != -signal.SIGKILL:
            return Failed(kind="program", message=_UNREADABLE, line=1)
        return Failed(kind="unknown", message=_ENDED)

    def _write(self, fields: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(orjson.dumps(fields) + b"\n")


def _refused(problems: list[Problem]) -> Failed:
    line = problems[0].line if problems else None
    said = "The plan is not a program of the plan language."
    return Failed(kind="program", message=said, line=line, detail=str(Refused(problems)))
