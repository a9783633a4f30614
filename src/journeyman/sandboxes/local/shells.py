"""Keyed runs in persistent shells: each at most once, those of one shell one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from journeyman.sandboxes.local.box import Box
from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.flight import Flight
from journeyman.sandboxes.local.shellrun import Command, ShellRun, begin, resume
from journeyman.sandboxes.port import ShellResult, UnknownOutcome

Running = Callable[[Box], Awaitable[Channel]]
"""Makes sure that a sandbox runs. Raises SandboxUnavailable."""


async def run_keyed(box: Box, command: Command, running: Running) -> ShellResult:
    """The result of this run, now or already before; `command.run` is a file name."""
    answer = box.runs.answer(command.run)
    if answer is not None:
        return answer
    await running(box)
    flight = box.flights.get(command.run)
    if flight is None:
        flight = Flight(command.shell)
        _launch(box, command.run, flight, _conduct(box, flight, command, running))
    return await flight.wait()


def adopt(box: Box, channel: Channel) -> None:
    """Go on with the runs that an earlier server left, and read what their jobs write."""
    dead = channel.dead()  # before the look at their runs: one that dies later may have begun another
    busy: set[str] = set()
    for key in box.runs.live():
        try:
            found = box.runs.take_over(key, wait=False)
        except BlockingIOError:
            # Another server goes on with it, and reads its pipe.
            if started := box.runs.started(key):
                busy.add(started.pipe)
            continue
        if found is not None:
            busy.add(found[1].pipe)
            run = resume(channel, box.runs, key, *found)
            _launch(box, key, Flight(run.shell, run), _result(run))
    channel.inherit(dead, busy)


async def _conduct(box: Box, flight: Flight, command: Command, running: Running) -> ShellResult:
    if command.script is None:
        return await _perform(box, flight, command, running)
    async with box.shells[command.shell]:
        await box.adopted_ended(command.shell)
        return await _perform(box, flight, command, running)


async def _perform(box: Box, flight: Flight, command: Command, running: Running) -> ShellResult:
    channel = await running(box)
    try:
        flight.run = begin(channel, box.runs, command)
    except FileExistsError:
        # Another server has it: the record is free when it ends, or when that server dies.
        found = await asyncio.to_thread(box.runs.take_over, command.run, wait=True)
        if found is None:
            return _recorded(box, command.run)
        flight.run = resume(await running(box), box.runs, command.run, *found)
    return await _result(flight.run)


def _launch(box: Box, key: str, flight: Flight, conduct: Coroutine[Any, Any, ShellResult]) -> None:
    box.flights[key] = flight
    flight.start(_reported(box, conduct)).add_done_callback(lambda _: box.flights.pop(key, None))


async def _reported(box: Box, conduct: Coroutine[Any, Any, ShellResult]) -> ShellResult:
    result = await conduct
    for incident in result.incidents:
        box.bulletin.report(box.name, incident)
    return result


async def _result(run: ShellRun) -> ShellResult:
    return await run.result


def _recorded(box: Box, run: str) -> ShellResult:
    answer = box.runs.answer(run)
    if answer is None:
        raise UnknownOutcome("Another server ran this command and left no result. Check its effects.")
    return answer
