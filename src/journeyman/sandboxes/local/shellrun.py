"""One script in a persistent shell, from sending it to its result."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from journeyman.sandboxes.local.channel import Channel, new_token
from journeyman.sandboxes.local.memory import News
from journeyman.sandboxes.local.processes import Victims, ticks_now
from journeyman.sandboxes.local.runlog import RunLog, Started
from journeyman.sandboxes.port import Incident, ShellResult

_DENIALS = 5
"""Refused connections that a result tells of."""
_PATIENCE = 2.0
"""Seconds a shell has to come back after it was killed; then the whole sandbox is ended."""


class ShellRun:
    """Listens for the run's end; `result` is set exactly once."""

    def __init__(self, channel: Channel, log: RunLog, run: str, started: Started, lock: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._log = log
        self._run = run
        self._started = started
        self._lock = lock
        self._kept = log.output(lock, started.limit)
        self._cut: Literal["timeout", "cancel", "limit"] | None = None
        self._ended_for: list[Incident] = []
        self._ended: tuple[int | None, bool] | None = None
        """Its exit code and whether the shell was restarted, once it said so."""
        self._queries: list[str] = []
        self._denied = len(channel.denied)
        self._patience: asyncio.TimerHandle | None = None
        self._killing: asyncio.Task[None] | None = None
        self.shell = started.shell
        self.result: asyncio.Future[ShellResult] = self._loop.create_future()
        channel.events.listen(started.token, self)
        channel.guard.began(self)
        self._capture = channel.pipes.capture(started.pipe, self._kept)
        self._pause, self._longest_pause = channel.population.pulse
        self._pulse = self._loop.call_later(self._pause, self._beat)
        left = started.at + started.timeout - time.time()
        self._timer = self._loop.call_later(max(0.0, left), self.cut, "timeout")

    def cut(self, why: Literal["timeout", "cancel", "limit"]) -> None:
        """Kill what the script started and its shell; the result follows within a second."""
        if self._cut is None and not self.result.done():
            self._cut = why
            victims = Victims(self.shell, self._started.token, self._started.ticks)
            self._kill_by(lambda: self._channel.population.kill_run(victims))

    def end_for(self, incident: Incident) -> None:
        """Cut it because of a limit."""
        self._ended_for.append(incident)
        self.cut("limit")

    def ask(self) -> None:
        """Have the shell say what it finished last, once it has nothing before that to do."""
        if self._channel.alive and not self.result.done():
            query = new_token()
            self._queries.append(query)
            self._channel.events.listen(query, self)
            self._channel.send(self.shell, query, "-")

    def done(self, status: int, before: int | None) -> None:
        self._end(None if self._cut else status, restarted=self._started.news.lost or before is not None)

    def idle(self, last: str, status: str, before: int | None) -> None:
        if last == self._started.token and status.isdecimal():
            self.done(int(status) & 255, before)
        else:
            self._end(None if self._cut else before, restarted=True)

    def gone(self) -> None:
        # Not yet known whether this shell had taken the script or its successor will.
        self.ask()

    def lost(self) -> None:
        self._killing = None
        self._settle(*self._ended or (None, True))

    def abandon(self) -> None:
        """Leave the run going, for the next server."""
        if not self.result.done():
            self._forget()
            self.result.cancel()
            os.close(self._lock)

    def restart(self) -> None:
        """Kill the shell and everything it ever started."""
        self._kill_by(lambda: self._channel.population.kill_shell(self.shell))

    def _kill_by(self, kill: Callable[[], None]) -> None:
        async def kill_and_ask() -> None:
            with self._channel.clearing():
                await asyncio.to_thread(kill)
            if not self.result.done():
                self._patience = self._loop.call_later(_PATIENCE, self._channel.events.kill)
                self.ask()

        self._ended = None
        self._killing = self._loop.create_task(kill_and_ask())

    def _beat(self) -> None:
        # For a shell that died before anybody could follow it, or that nobody can.
        self._channel.sweep()
        self._pause = min(self._pause * 1.5, self._longest_pause)
        self._pulse = self._loop.call_later(self._pause, self._beat)

    def _end(self, exit_code: int | None, *, restarted: bool) -> None:
        # A refusal that was told before may be read in the same turn of the loop, and is heard in the next.
        self._ended = exit_code, restarted
        self._loop.call_soon(self._loop.call_soon, self._settle, exit_code, restarted)

    def _settle(self, exit_code: int | None, restarted: bool) -> None:
        if self.result.done() or (self._killing is not None and not self._killing.done()):
            return  # after the killing the shell is asked again
        self._forget()
        if self._capture is not None:
            self._capture.finish()
        timed_out, cancelled = self._cut == "timeout", self._cut == "cancel"
        output = self._kept.read()
        incidents = (*self._started.news.incidents, *self._incidents())
        result = ShellResult(output, exit_code, self._kept.total, timed_out, cancelled, restarted, incidents)
        self._log.finish(self._run, self._lock, result, self._started.limit)
        self.result.set_result(result)

    def _incidents(self) -> tuple[Incident, ...]:
        found = self._channel.guard.meter.since(self._started.counters)
        kinds = {incident.kind for incident in self._ended_for}
        denied = tuple(dict.fromkeys(self._channel.denied[self._denied :]))[:_DENIALS]
        return (*self._ended_for[:1], *(each for each in found if each.kind not in kinds), *denied)

    def _forget(self) -> None:
        self._channel.guard.ended(self)
        for token in (self._started.token, *self._queries):
            self._channel.events.forget(token)
        for timer in (self._timer, self._pulse, self._patience):
            if timer is not None:
                timer.cancel()


@dataclass(frozen=True, slots=True)
class Command:
    """What to run; `script` None restarts the shell. Timeout in seconds, limit in bytes of output."""

    run: str
    shell: str
    script: bytes | None
    timeout: float
    limit: int


def begin(channel: Channel, log: RunLog, command: Command) -> ShellRun:
    """Record a run and send it. Raises FileExistsError when the run is known."""
    token, process = new_token(), channel.events.process
    pipe = channel.pipes.take()
    now = time.time(), ticks_now()
    is_script = command.script is not None
    news = channel.memory.news(command.shell) if is_script else News()
    counters = channel.guard.meter.seen
    started = Started(token, pipe, command.shell, *now, command.timeout, command.limit, counters, process, news)
    try:
        lock = log.begin(command.run, started)
    except FileExistsError:
        channel.pipes.give_back(pipe)
        raise
    channel.memory.use(command.shell, told=is_script)
    if command.script is None:
        going = ShellRun(channel, log, command.run, started, lock)
        going.restart()
        return going
    channel.pipes.put(f"{pipe}.script", command.script + b"\0")
    going = ShellRun(channel, log, command.run, started, lock)
    channel.send(command.shell, token, pipe)
    return going


def resume(channel: Channel, log: RunLog, run: str, lock: int, started: Started) -> ShellRun:
    """Go on with a run that another server began."""
    going = ShellRun(channel, log, run, started, lock)
    if started.process == channel.events.process:
        going.ask()
    else:
        going.lost()
    return going
