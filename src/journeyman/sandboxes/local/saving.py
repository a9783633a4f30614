"""Asking the shells of a sandbox that is about to stop what makes them again."""

import asyncio

from journeyman.sandboxes.local.channel import Channel, new_token
from journeyman.sandboxes.local.execution import Stream
from journeyman.sandboxes.local.memory import News
from journeyman.sandboxes.port import Incident

_LIMIT = 4 << 20
_PATIENCE = 2.0

_PROCESSES = Incident(
    "processes_lost",
    "The sandbox was stopped meanwhile and has been resumed: files, working directory and variables are as they were, "
    "but the processes that ran in the background are gone. Start again those you need.",
)
_VARIABLES = Incident(
    "variables_lost",
    "The sandbox was stopped meanwhile and has been resumed. The variables of the shell were too large to keep all of "
    "them: some variables and functions are gone.",
)


class Saved:
    """What is to be remembered of each shell."""

    def __init__(self, channel: Channel, shells: dict[str, tuple[News, bytes]]) -> None:
        self._channel = channel
        self._shells = shells

    def keep(self) -> None:
        for shell, (news, pieces) in self._shells.items():
            self._channel.memory.keep(shell, news, pieces)


async def save(channel: Channel, busy: set[str]) -> Saved:
    """Ask all shells but the busy ones; one that does not answer in time counts as lost. Changes nothing."""
    shells = [shell for shell in channel.memory.used() if shell not in busy]
    working = await asyncio.to_thread(channel.population.left_behind)
    found = await asyncio.gather(*(_Question(channel, shell).answer() for shell in shells))
    return Saved(
        channel, {shell: _kept(each, shell in working) for shell, each in zip(shells, found, strict=True) if each}
    )


def _kept(found: tuple[bytes, bool], worked: bool) -> tuple[News, bytes]:
    pieces, truncated = found
    incidents = [*([_PROCESSES] if worked else []), *([_VARIABLES] if truncated else [])]
    return News(incidents=tuple(incidents)), pieces


class _Question:
    """To one shell."""

    def __init__(self, channel: Channel, shell: str) -> None:
        self.shell = shell
        self._channel = channel
        self._token = new_token()
        self._is_whole: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def answer(self) -> tuple[bytes, bool] | None:
        """The pieces, and whether some are missing; None when the shell is not what it was."""
        pipe = self._channel.pipes.take()
        stream = Stream(self._channel.pipes.path(pipe), _LIMIT)
        self._channel.events.listen(self._token, self)
        self._channel.send(self.shell, self._token, f"={pipe}")
        try:
            is_whole = await asyncio.wait_for(self._is_whole, _PATIENCE)
        except TimeoutError:
            is_whole = False
        finally:
            stream.finish()
            self._channel.events.forget(self._token)
            if self._channel.alive:
                self._channel.pipes.release(pipe)
        pieces = stream.data[: stream.data.rfind(b"\0") + 1]
        return (pieces, stream.truncated) if is_whole and pieces else None

    def done(self, status: int, before: int | None) -> None:
        self._tell(status == 0 and before is None)

    def idle(self, last: str, status: str, before: int | None) -> None:
        """Nobody asks for it here."""

    def gone(self) -> None:
        self._tell(False)

    def lost(self) -> None:
        self._tell(False)

    def _tell(self, is_whole: bool) -> None:
        if not self._is_whole.done():
            self._is_whole.set_result(is_whole)
