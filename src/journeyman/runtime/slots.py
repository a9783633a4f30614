"""Slots: how much of one kind a process has under way at once, and who is next.

Workspaces with room take turns. In each, those that begin a turn and those in the middle of one take turns, and the
latter leave a sixteenth of the slots free: a newcomer does not wait for long turns, nor long turns for newcomers. In
either line the sessions take turns.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Waiter = asyncio.Future[None]

_KEPT = 16
"""One slot in so many is kept for those that begin a turn."""


class Slots:
    """At most `most` at once, and at most `of_workspace` of each workspace; 0 is no limit."""

    def __init__(self, most: int = 0, of_workspace: int = 0) -> None:
        self._most = most
        self._of_workspace = of_workspace
        self._used: Counter[str] = Counter()
        self._going: Counter[str] = Counter()
        """Those of `used` that are in the middle of a turn."""
        self._queues: OrderedDict[str, _Queue] = OrderedDict()
        """Of the workspaces in which somebody waits; the first is next."""
        self._free = asyncio.Event()
        self._free.set()

    @property
    def used(self) -> int:
        return self._used.total()

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def free(self) -> None:
        """Until nobody waits."""
        await self._free.wait()

    @asynccontextmanager
    async def taken(self, workspace: str, session: str, *, begins: bool = False) -> AsyncGenerator[None]:
        """Hold a slot; waits for one. `begins`: it is the first of a turn."""
        await self._take(workspace, session, begins=begins)
        try:
            yield
        finally:
            self._give_back(workspace, begins=begins)

    async def _take(self, workspace: str, session: str, *, begins: bool) -> None:
        if workspace not in self._queues and self._room(workspace, begins=begins):
            self._count(workspace, 1, begins=begins)
            return
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._queues.setdefault(workspace, _Queue()).add(session, waiter, begins=begins)
        self._free.clear()
        self._serve()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._forget(workspace, session, waiter)
            else:
                self._give_back(workspace, begins=begins)
            raise

    def _give_back(self, workspace: str, *, begins: bool) -> None:
        self._count(workspace, -1, begins=begins)
        self._serve()

    def _count(self, workspace: str, number: int, *, begins: bool) -> None:
        for counter in (self._used,) if begins else (self._used, self._going):
            counter[workspace] += number
            if not counter[workspace]:
                del counter[workspace]

    def _room(self, workspace: str, *, begins: bool) -> bool:
        used, of_workspace = self._used.total(), self._used[workspace]
        if self._full(used, of_workspace, kept=0):
            return False
        return begins or not self._full(self._going.total(), self._going[workspace], kept=1)

    def _full(self, used: int, of_workspace: int, *, kept: int) -> bool:
        limits = ((used, self._most), (of_workspace, self._of_workspace))
        return any(most and number >= most - kept * (most // _KEPT) for number, most in limits)

    def _serve(self) -> None:
        while (found := self._next()) is not None:
            workspace, begins = found
            waiter = self._queues[workspace].take(begins=begins)
            if not waiter.cancelled():
                waiter.set_result(None)
                self._count(workspace, 1, begins=begins)
                self._queues.move_to_end(workspace)
            self._tidy(workspace)

    def _next(self) -> tuple[str, bool] | None:
        """Whom there is room for: the workspace, and whether one that begins."""
        for workspace, queue in self._queues.items():
            for begins in queue.order():
                if self._room(workspace, begins=begins):
                    return workspace, begins
        return None

    def _forget(self, workspace: str, session: str, waiter: Waiter) -> None:
        if workspace in self._queues:
            self._queues[workspace].remove(session, waiter)
            self._tidy(workspace)

    def _tidy(self, workspace: str) -> None:
        if not self._queues[workspace]:
            del self._queues[workspace]
        if not self._queues:
            self._free.set()


class _Line:
    """Who waits, by session; the sessions take turns."""

    def __init__(self) -> None:
        self.sessions: OrderedDict[str, deque[Waiter]] = OrderedDict()

    def add(self, session: str, waiter: Waiter) -> None:
        self.sessions.setdefault(session, deque()).append(waiter)

    def next(self) -> Waiter:
        session, waiters = self.sessions.popitem(last=False)
        waiter = waiters.popleft()
        if waiters:
            self.sessions[session] = waiters
        return waiter

    def remove(self, session: str, waiter: Waiter) -> bool:
        waiters = self.sessions.get(session)
        if waiters is None or waiter not in waiters:
            return False
        waiters.remove(waiter)
        if not waiters:
            del self.sessions[session]
        return True

    def __len__(self) -> int:
        return sum(map(len, self.sessions.values()))

    def __bool__(self) -> bool:
        return bool(self.sessions)


@dataclass(slots=True)
class _Queue:
    """Of one workspace."""

    beginning: _Line = field(default_factory=_Line)
    going: _Line = field(default_factory=_Line)
    last_began: bool = False

    def add(self, session: str, waiter: Waiter, *, begins: bool) -> None:
        self._line(begins=begins).add(session, waiter)

    def order(self) -> list[bool]:
        """Of the lines in which somebody waits, the one whose turn it is first; True is the beginners'."""
        return [begins for begins in (not self.last_began, self.last_began) if self._line(begins=begins)]

    def take(self, *, begins: bool) -> Waiter:
        self.last_began = begins
        return self._line(begins=begins).next()

    def _line(self, *, begins: bool) -> _Line:
        return self.beginning if begins else self.going

    def remove(self, session: str, waiter: Waiter) -> None:
        if not self.beginning.remove(session, waiter):
            self.going.remove(session, waiter)

    def __len__(self) -> int:
        return len(self.beginning) + len(self.going)

    def __bool__(self) -> bool:
        return bool(self.beginning or self.going)
