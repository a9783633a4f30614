"""The embedded engine: one asyncio task per woken session, in this process."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from journeyman.engine.port import NOWHERE, LivesElsewhere, Superseded, Whereabouts, Worker
from journeyman.wire.times import now_us

_log = logging.getLogger("journeyman.engine")

_KEPT = 256
"""Sessions at rest whose worker (and folded state) is kept at hand."""


class EmbeddedEngine:
    """An Engine of one process. `make` claims a session and gives its worker, None when there is nothing to own."""

    def __init__(
        self,
        make: Callable[[str], Awaitable[Worker | None]],
        unfinished: Callable[[], Awaitable[list[tuple[str, int | None]]]],
        elsewhere: Callable[[str, Whereabouts], None] | None = None,
    ) -> None:
        """`elsewhere` hears of a session that was woken here and lives elsewhere."""
        self._make = make
        self._unfinished = unfinished
        self._elsewhere = elsewhere
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._running: dict[str, Worker] = {}
        self._again: set[str] = set()
        self._resting: OrderedDict[str, Worker] = OrderedDict()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._stopping = False

    def runs(self, session_id: str) -> bool:
        """Whether it has been woken here, and is not at rest again."""
        return session_id in self._tasks

    def knows(self, session_id: str) -> bool:
        """Whether it runs here, or will at some time."""
        return session_id in self._tasks or session_id in self._timers

    def wake(self, session_id: str, at: Whereabouts = NOWHERE) -> None:  # noqa: ARG002 - it is always here
        if self._stopping:
            return
        timer = self._timers.pop(session_id, None)
        if timer is not None:
            timer.cancel()
        if session_id in self._tasks:
            self._again.add(session_id)
            worker = self._running.get(session_id)
            if worker is not None:
                worker.notify()
            return
        task = asyncio.create_task(self._work(session_id))
        self._tasks[session_id] = task
        task.add_done_callback(lambda _: self._ended(session_id))

    def release(self, session_id: str) -> None:
        self._resting.pop(session_id, None)
        self._failures.pop(session_id, None)
        timer = self._timers.pop(session_id, None)
        if timer is not None:
            timer.cancel()

    async def start(self) -> None:
        for session_id, due in await self._unfinished():
            if due is not None and due > now_us():
                self._wake_at(session_id, due)
            else:
                self.wake(session_id)

    async def stop(self) -> None:
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, session_id: str) -> None:
        try:
            if not await self._go_on(session_id):
                worker = await self._make(session_id)
                if worker is not None:
                    await self._run(session_id, worker)
        except Superseded:
            pass
        except LivesElsewhere as error:
            if self._elsewhere is not None:
                self._elsewhere(session_id, error.at)
        except Exception:
            _log.exception("session %s: its turn failed", session_id)
            self._retry(session_id)
        else:
            self._failures.pop(session_id, None)

    async def _go_on(self, session_id: str) -> bool:
        """With the worker that rests here, unless another process has gone on with the session meanwhile."""
        worker = self._resting.pop(session_id, None)
        if worker is None:
            return False
        worker.notify()
        try:
            await self._run(session_id, worker)
        except Superseded:
            return False
        return True

    async def _run(self, session_id: str, worker: Worker) -> None:
        self._running[session_id] = worker
        self._rest(session_id, worker, await worker.run())

    def _retry(self, session_id: str) -> None:
        """A poisoned session harms only itself: it is taken up from its log again, ever more rarely."""
        failures = self._failures[session_id] = self._failures.get(session_id, 0) + 1
        self._wake_at(session_id, now_us() + 1_000_000 * min(60, 2 ** (failures - 1)))

    def _rest(self, session_id: str, worker: Worker, due: int | None) -> None:
        self._resting[session_id] = worker
        while len(self._resting) > _KEPT:
            self._resting.popitem(last=False)
        if due is not None:
            self._wake_at(session_id, due)

    def _ended(self, session_id: str) -> None:
        del self._tasks[session_id]
        self._running.pop(session_id, None)
        if session_id in self._again:
            self._again.discard(session_id)
            self.wake(session_id)

    def _wake_at(self, session_id: str, due: int) -> None:
        delay = max(0.0, (due - now_us()) / 1_000_000)
        loop = asyncio.get_running_loop()
        self._timers[session_id] = loop.call_later(delay, self.wake, session_id)
