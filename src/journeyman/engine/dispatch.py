"""Wakes over Procrastinate: a queue for every host, and one that all who work take from.

A job says that a session is to be woken, and no more; it is done as soon as somebody has taken it up. To lose one loses
nothing: whoever looks after abandoned sessions wakes them again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

_COMMON = "journeyman"
_TASK = "wake"
_DEFERRERS = 4
_CONCURRENCY = 16
_POLL = 5.0
_PAUSE = 1.0
"""Seconds before a worker that failed is started again."""

_log = logging.getLogger("journeyman.engine")


class Dispatch:
    """`woken` is called with each session whose wake this process took; it returns at once. What is taken is held until
    this process has `room`; should that be long, the session is found abandoned, and another process may be free."""

    def __init__(
        self, url: str, host: str, woken: Callable[[str], None], room: Callable[[], Awaitable[None]], *, works: bool
    ) -> None:
        # Procrastinate takes a connection string as libpq does.
        self._connector = PsycopgConnector(conninfo=url, min_size=1, max_size=_DEFERRERS + 2, timeout=5)
        self._app = App(connector=self._connector)
        self._queues = [_COMMON, _of(host)]
        self._works = works
        self._waiting: dict[tuple[str, str], None] = {}
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []

        @self._app.task(name=_TASK)
        async def wake(session_id: str) -> None:  # pyright: ignore[reportUnusedFunction]
            await room()
            woken(session_id)

    async def start(self) -> None:
        await self._app.open_async()
        await self._make_tables()
        self._tasks = [asyncio.create_task(self._defer_forever())]
        if self._works:
            self._tasks.append(asyncio.create_task(self._take_forever()))

    def defer(self, session_id: str, host: str | None) -> None:
        """Have somebody wake a session: on `host`, when given. Returns at once."""
        self._waiting[_of(host) if host else _COMMON, session_id] = None
        self._idle.clear()
        self._arrived.set()

    async def stop(self) -> None:
        """What was deferred is on its way when this returns, if the database answers."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._app.close_async()

    async def _make_tables(self) -> None:
        if not await self._has_tables():
            try:
                await self._app.schema_manager.apply_schema_async()
            except ConnectorException:  # another process was first
                if not await self._has_tables():
                    raise

    async def _has_tables(self) -> bool:
        row: dict[str, Any] = await self._connector.execute_query_one_async(
            "SELECT to_regclass('procrastinate_jobs') IS NOT NULL AS there"
        )
        return bool(row["there"])

    async def _defer_forever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            waiting, self._waiting = list(self._waiting), {}
            for first in range(0, len(waiting), _DEFERRERS):
                await asyncio.gather(*(self._defer(*each) for each in waiting[first : first + _DEFERRERS]))
            if not self._waiting:
                self._idle.set()

    async def _defer(self, queue: str, session_id: str) -> None:
        job = self._app.configure_task(_TASK, queue=queue, queueing_lock=f"{queue} {session_id}")
        try:
            await job.defer_async(session_id=session_id)
        except AlreadyEnqueued:
            pass
        except ConnectorException as error:
            _log.warning("session %s: its wake could not be deferred: %s", session_id, error)

    async def _take_forever(self) -> None:
        while True:
            try:
                await self._app.run_worker_async(
                    queues=self._queues, concurrency=_CONCURRENCY, install_signal_handlers=False, delete_jobs="always",
                    fetch_job_polling_interval=_POLL, listen_notify=True, shutdown_graceful_timeout=_PAUSE,
                )  # fmt: skip
            except Exception as error:
                _log.warning("wakes are not taken at the moment: %s", error)
            await asyncio.sleep(_PAUSE)


def _of(host: str) -> str:
    return f"{_COMMON}:{host}"
