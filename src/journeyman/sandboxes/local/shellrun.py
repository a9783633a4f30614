"""One script in a persistent shell, from sending it to its result."""

import asyncio
import time
from typing import Literal

from journeyman.sandboxes.local.channel import Channel, new_token
from journeyman.sandboxes.local.processes import kill_shell, ticks_now
from journeyman.sandboxes.local.runlog import RunLog, Started
from journeyman.sandboxes.port import ShellResult

_PATIENCE = 0.8
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
        self._kept = log.output(run, started.limit)
        self._cut: Literal["timeout", "cancel"] | None = None
        self._code: int | None = None
        self._is_gone = False
        self._query: str | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._killing: asyncio.Task[None] | None = None
        self.shell = started.shell
        self.result: asyncio.Future[ShellResult] = self._loop.create_future()
        channel.events.listen(started.token, self)
        self._is_new = self.shell in channel.events.died
        channel.events.died.discard(self.shell)
        self._capture = channel.capture(started.token, self._kept)
        left = started.at + started.timeout - time.time()
        self._timer = self._loop.call_later(max(0.0, left), self.cut, "timeout")

    def cut(self, why: Literal["timeout", "cancel"]) -> None:
        """Kill what the script started and its shell; the result follows within a second."""
        if self._cut is None and not self.result.done():
            self._cut = why
            self._patience = self._loop.call_later(_PATIENCE, self._channel.events.kill)
            self._killing = self._loop.create_task(self._kill())

    def ask(self) -> None:
        """Have the shell say what it finished last, once it has nothing before that to do."""
        if self._query is None and self._channel.alive:
            self._query = new_token()
            self._channel.events.listen(self._query, self)
            self._channel.send(self.shell, f"?{self._query}")

    def done(self, status: int) -> None:
        self._settle(None if self._cut else status, restarted=self._is_gone or self._is_new)

    def idle(self, last: str, status: str) -> None:
        if last == self._started.token and status.isdecimal():
            self.done(int(status))
        else:
            self._settle(None if self._cut else self._code, restarted=True)

    def gone(self, code: int) -> None:
        # Not yet known whether this shell had taken the script or its successor will.
        self._is_gone, self._code = True, code
        self.ask()

    def lost(self) -> None:
        self._settle(None, restarted=True)

    def abandon(self) -> None:
        """Leave the run going, for the next server."""
        self._forget()
        self.result.cancel()

    async def _kill(self) -> None:
        init, since = self._channel.init, self._started.ticks
        await asyncio.to_thread(kill_shell, init, self.shell, since)
        self.ask()

    def _settle(self, exit_code: int | None, *, restarted: bool) -> None:
        if self.result.done():
            return
        self._forget()
        if self._capture is not None:
            self._capture.finish()
        self._kept.close()
        timed_out, cancelled = self._cut == "timeout", self._cut == "cancel"
        output = self._kept.read()
        result = ShellResult(output, exit_code, self._kept.total, timed_out, cancelled, restarted)
        self._log.finish(self._run, self._lock, result, self._started.limit)
        self._channel.clear(self._started.token)
        self.result.set_result(result)

    def _forget(self) -> None:
        for token in (self._started.token, self._query):
            if token is not None:
                self._channel.events.forget(token)
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()


def begin(channel: Channel, log: RunLog, run: str, script: bytes, shell: str, timeout: float, limit: int) -> ShellRun:
    """Record a run and send it. Raises FileExistsError when the run is known."""
    token = new_token()
    started = Started(token, shell, time.time(), ticks_now(), timeout, limit, channel.events.process)
    lock = log.begin(run, started)
    channel.put(f"{token}.script", script)
    channel.pipe(f"{token}.out")
    going = ShellRun(channel, log, run, started, lock)
    channel.send(shell, token)
    return going


def resume(channel: Channel, log: RunLog, run: str) -> ShellRun | None:
    """Go on with a run that another server began; None when it has ended meanwhile."""
    found = log.take_over(run)
    if found is None:
        return None
    lock, started = found
    going = ShellRun(channel, log, run, started, lock)
    if started.process == channel.events.process:
        going.ask()
    else:
        going.lost()
    return going
