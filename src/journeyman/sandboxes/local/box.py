"""One sandbox in this server's memory."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Generator

from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.fence import Fence
from journeyman.sandboxes.local.flight import Flight
from journeyman.sandboxes.local.incidents import Bulletin
from journeyman.sandboxes.local.runlog import RunLog
from journeyman.sandboxes.local.use import Use
from journeyman.sandboxes.local.writing import WriteLog


class Box:
    """A sandbox's directory, and its channel while it runs and we are attached."""

    def __init__(self, name: str, directory: Directory, bulletin: Bulletin) -> None:
        self.name = name
        self.directory = directory
        self.bulletin = bulletin
        self.channel: Channel | None = None
        self.changing = asyncio.Lock()
        """Held while it is started or stopped."""
        self.shells: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.writing = asyncio.Lock()
        self.flights: dict[str, Flight] = {}
        self.runs = RunLog(directory.runs)
        self.writes = WriteLog(directory.writes)
        self.fence = Fence(directory.path / "fence")
        self.use = Use(directory.path / "use")
        self.starting: asyncio.Task[None] | None = None
        self.alarm: asyncio.TimerHandle | None = None
        """When to look whether it may rest."""
        self.gone = False
        self._calls = 0
        self.last_used = asyncio.get_running_loop().time()

    @contextlib.contextmanager
    def in_use(self) -> Generator[None]:
        """While a call goes on."""
        self._calls += 1
        if self._calls == 1:
            self.use.begin()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self.use.end()
            self.last_used = asyncio.get_running_loop().time()

    @property
    def is_idle(self) -> bool:
        return not self._calls and not self.flights and self.starting is None

    @property
    def busy(self) -> set[str]:
        """The shells in which something runs."""
        return {flight.shell for flight in self.flights.values()}

    @property
    def open_channel(self) -> Channel | None:
        """The channel, if the sandbox lives."""
        return self.channel if self.channel is not None and self.channel.alive else None

    @contextlib.contextmanager
    def detached(self) -> Generator[None]:
        """Without its channel, so that whoever comes now waits; it is put back when this fails."""
        channel, self.channel = self.channel, None
        try:
            yield
        except BaseException:
            self.channel = channel
            raise

    async def adopted_ended(self, shell: str) -> None:
        """Wait for the runs on this shell that an earlier server began."""
        for flight in [each for each in self.flights.values() if each.adopted and each.shell == shell]:
            await flight.ended()

    def close(self) -> None:
        """Let go of it without ending it."""
        for flight in list(self.flights.values()):
            flight.abandon()
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self.fence.close()
        self.use.close()
