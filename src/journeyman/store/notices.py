"""Notices over Postgres NOTIFY: gathered for some milliseconds, since each commit with one waits for all others."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from psycopg import AsyncConnection

from journeyman.store.port import Notice

_CHANNEL = "journeyman"
_GATHER = 0.005
"""Seconds between two commits."""
_ROOM = 7_800
"""Bytes of a payload; Postgres takes fewer than 8,000."""
_PAUSE = 0.5
_NEW = 5.0
"""Seconds for which a process that was heard counts, whether it is known as a member yet or not."""
_log = logging.getLogger("journeyman.notices")

_NOTIFY = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"


class PostgresNotices:
    """Implements Notices. `sender` is this process, which does not hear itself."""

    def __init__(self, url: str, sender: str) -> None:
        self._url = url
        self._sender = sender
        self._alone = False
        self._heard = 0.0
        self._waiting: list[Notice] = []
        self._places: dict[tuple[str, str], int] = {}
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def met(self, others: int) -> None:
        """How many other processes there are: to nobody nothing is sent."""
        self._alone = not others and time.monotonic() - self._heard > _NEW

    def send(self, notice: Notice) -> None:
        if self._alone and notice.kind != "hello":
            return
        place = self._places.get((notice.kind, notice.session_id))
        if place is not None:
            self._waiting[place] = notice
            return
        if notice.kind in ("mail", "rows"):
            self._places[notice.kind, notice.session_id] = len(self._waiting)
        else:  # rows told of before this one are not to come after it
            self._places.pop(("rows", notice.session_id), None)
        self._waiting.append(notice)
        self._arrived.set()

    async def start(self, heard: Callable[[Notice], None], missed: Callable[[], None]) -> None:
        ready = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._forever(lambda: self._listen(heard, missed, ready))),
            asyncio.create_task(self._forever(self._send)),
        ]
        await ready.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forever(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                _log.warning("the other processes cannot be talked to at the moment: %s", error)
                await asyncio.sleep(_PAUSE)

    async def _connect(self) -> AsyncConnection:
        return await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)

    async def _listen(self, heard: Callable[[Notice], None], missed: Callable[[], None], ready: asyncio.Event) -> None:
        async with await self._connect() as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            missed()
            ready.set()
            async for message in connection.notifies():
                sender, notices = orjson.loads(message.payload)
                if sender != self._sender:
                    self._heard, self._alone = time.monotonic(), False
                    for notice in notices:
                        heard(Notice(*notice))

    async def _send(self) -> None:
        async with await self._connect() as connection:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                began = time.monotonic()
                waiting, self._waiting, self._places = self._waiting, [], {}
                await connection.execute(_NOTIFY, [_CHANNEL, list(_payloads(self._sender, waiting))])
                await asyncio.sleep(max(0.0, began + _GATHER - time.monotonic()))


def _payloads(sender: str, notices: list[Notice]) -> Iterator[str]:
    head = orjson.dumps(sender)
    room, parts = _ROOM, list[bytes]()
    for notice in notices:
        part = orjson.dumps(tuple(notice))
        if len(part) > _ROOM - len(head):
            _log.warning("a notice of %d bytes is too long to be sent", len(part))
            continue
        if parts and room < len(part) + 1:
            yield _payload(head, parts)
            room, parts = _ROOM, []
        parts.append(part)
        room -= len(part) + 1
    if parts:
        yield _payload(head, parts)


def _payload(head: bytes, parts: list[bytes]) -> str:
    return (b"[%b,[%b]]" % (head, b",".join(parts))).decode()
