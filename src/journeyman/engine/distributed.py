"""The engine of many processes on one database. A lease owns, the fence guards, the queue only carries wakes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from journeyman.engine.embedded import EmbeddedEngine
from journeyman.engine.port import NOWHERE, Whereabouts, Worker

_log = logging.getLogger("journeyman.engine")

_PERIOD = 1.0
"""Seconds between two beats."""


class Dispatching(Protocol):
    """Carries wakes to any process that works, or to one of a host."""

    async def start(self) -> None: ...
    def defer(self, session_id: str, host: str | None) -> None: ...
    async def stop(self) -> None: ...


class Membership(Protocol):
    """This process among the others, as the database knows them."""

    id: str
    host: str
    lease: float

    async def beat(self) -> tuple[dict[str, int], int]:
        """Renew the lease; the sessions it covers with the ends of their inboxes, and how many others there are."""
        ...

    async def leave(self) -> Sequence[tuple[str, str | None]]:
        """Give up the lease; the sessions it covered, each with the host it is bound to."""
        ...

    async def abandoned(self) -> Sequence[tuple[str, str | None]]:
        """Sessions that need a wake and have no owner who lives, each with the host it is bound to."""
        ...


class DistributedEngine:
    """An Engine. `works`: it runs sessions itself. `mail` tells another process to look."""

    def __init__(
        self,
        member: Membership,
        dispatch: Callable[[Callable[[str], None]], Dispatching],
        make: Callable[[str], Awaitable[Worker | None]],
        mail: Callable[[str, str], None],
        *,
        works: bool,
        met: Callable[[int], None] | None = None,
    ) -> None:
        """`met` hears at each beat how many other processes there are."""
        self._member = member
        self._works = works
        self._mail = mail
        self._met = met
        self._local = EmbeddedEngine(make, _nothing, self._elsewhere)
        self._dispatch = dispatch(self._local.wake)
        self._seen: dict[str, int] = {}
        self._peers = 0
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self, session_id: str, at: Whereabouts = NOWHERE) -> None:
        if self._local.runs(session_id):
            self._local.wake(session_id)
        elif at.owner is not None and at.owner != self._member.id:
            # It must look at its inbox before it rests; should it be dead, the session is found abandoned.
            self._mail(at.owner, session_id)
        elif self._works and at.host in (None, self._member.host):
            self._local.wake(session_id)
        else:
            self._dispatch.defer(session_id, at.host)

    def look(self, session_id: str) -> None:
        """Another process says that a session of ours has mail."""
        if self._works:
            self._local.wake(session_id)

    def release(self, session_id: str) -> None:
        self._local.release(session_id)
        self._seen.pop(session_id, None)

    async def start(self) -> None:
        await self._beat()
        await self._dispatch.start()
        self._tasks = [asyncio.create_task(self._forever(each)) for each in (self._beat, self._adopt)]

    async def stop(self) -> None:
        await self._local.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            for session_id, host in await self._member.leave():
                self._dispatch.defer(session_id, host)
        except Exception as error:
            _log.warning("the sessions of this process stay its own until its lease ends: %s", error)
        await self._dispatch.stop()

    def _elsewhere(self, session_id: str, at: Whereabouts) -> None:
        if at.owner is not None and at.owner != self._member.id:
            self._mail(at.owner, session_id)
        elif at.host is not None:
            self._dispatch.defer(session_id, at.host)

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        failing = False
        while True:
            await asyncio.sleep(_PERIOD)
            try:
                async with asyncio.timeout(self._member.lease):
                    await work()
                failing = False
            except Exception as error:
                if not failing:
                    _log.warning("the database does not answer: %s: %s", type(error).__name__, error)
                failing = True

    async def _beat(self) -> None:
        held, self._peers = await self._member.beat()
        if self._met is not None:
            self._met(self._peers)
        for session_id, end in held.items():
            # What a lost message would have told.
            if self._seen.get(session_id, end) != end or not self._local.knows(session_id):
                self._local.wake(session_id)
        self._seen = held

    async def _adopt(self) -> None:
        for session_id, host in await self._member.abandoned():
            if self._peers or not self._works:
                self._dispatch.defer(session_id, host)
            else:
                self._local.wake(session_id)


async def _nothing() -> list[tuple[str, int | None]]:
    return []
