"""Streams and previews across processes: hints come as notices, events from the database.

What a lost notice would have told is found by looking once a second.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from journeyman.runtime.hub import Hub
from journeyman.store.port import Notice, Notices, Row

JsonObject = dict[str, Any]
Rows = Callable[[str, int], Awaitable[list[Row]]]
"""A session's log behind a place."""
Heads = Callable[[Sequence[str]], Awaitable[dict[str, int]]]
"""The ends of the logs of those sessions that are not over."""

_LOOK = 1.0
_RENEW = 3.0
"""Seconds after which a wish for previews is repeated."""
_FORGET = 10.0
_PIECE = 1_000
"""Characters of a preview's text in one notice; each may take six bytes."""
_log = logging.getLogger("journeyman.streams")


class Relay:
    """A Hub's Beyond."""

    def __init__(self, hub: Hub, notices: Notices, rows: Rows, heads: Heads) -> None:
        self._hub = hub
        self._notices = notices
        self._rows = rows
        self._heads = heads
        self._wanted: dict[str, float] = {}
        """Until when processes elsewhere want the previews of a session."""
        self._queues: dict[str, deque[Notice]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def appended(self, session_id: str, seq: int) -> None:
        self._notices.send(Notice("rows", session_id, seq))

    def previewed(self, session_id: str, body: JsonObject, *, of: str, thread_id: str, primary: bool) -> None:
        for piece in _pieces(body):
            self._notices.send(Notice("preview", session_id, [piece, of, thread_id, primary]))

    def wants_previews(self, session_id: str) -> bool:
        return self._wanted.get(session_id, 0.0) > time.monotonic()

    def listens(self, session_id: str) -> None:
        self._notices.send(Notice("wants", session_id))

    def missed(self, session_id: str, seq: int) -> None:
        self._put(Notice("rows", session_id, seq))

    def over(self, session_id: str, body: JsonObject | None) -> None:
        self._notices.send(Notice("over", session_id, body))

    def heard(self, notice: Notice) -> None:
        """Another process has said something."""
        match notice.kind:
            case "wants":
                self._wanted[notice.session_id] = time.monotonic() + _FORGET
            case "hello":
                self._wish()
            case "rows" | "preview" | "over":
                if notice.session_id in self._queues or self._hub.place(notice.session_id) is not None:
                    self._put(notice)
            case _:
                pass

    def lost(self) -> None:
        """Notices may have been lost."""
        self._notices.send(Notice("hello", ""))
        self._wish()
        for session_id in self._hub.followed():
            self._put(Notice("rows", session_id, 1 << 62))

    async def run(self) -> None:
        """Until it is cancelled: look for what was not told."""
        renewed = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            if now - renewed > _RENEW:
                renewed = now
                self._wish()
                self._wanted = {session: until for session, until in self._wanted.items() if until > now}
            try:
                await self._look()
            except Exception as error:
                _log.warning("streams could not be checked: %s", error)

    async def _look(self) -> None:
        followed = self._hub.followed()
        if not followed:
            return
        heads = await self._heads(followed)
        for session_id in followed:
            place, head = self._hub.place(session_id), heads.get(session_id)
            if head is None:
                self._hub.finish(session_id)
            elif place is not None and place < head:
                self._put(Notice("rows", session_id, head))

    def _wish(self) -> None:
        for session_id in self._hub.followed(previews=True):
            self._notices.send(Notice("wants", session_id))

    def _put(self, notice: Notice) -> None:
        """One after the other for a session: a preview must not overtake the event before it."""
        queue = self._queues.get(notice.session_id)
        if queue is not None:
            queue.append(notice)
            return
        if notice.kind == "preview":
            self._show(notice)
            return
        self._queues[notice.session_id] = deque([notice])
        task = asyncio.create_task(self._drain(notice.session_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, session_id: str) -> None:
        queue = self._queues[session_id]
        try:
            while queue:
                notice = queue.popleft()
                if notice.kind == "preview":
                    self._show(notice)
                    continue
                await self._catch_up(session_id, notice.data if notice.kind == "rows" else 1 << 62)
                if notice.kind == "over":
                    self._hub.finish(session_id, notice.data)
        except Exception as error:
            _log.warning("session %s: its streams could not be served: %s", session_id, error)  # the next look will
        finally:
            del self._queues[session_id]

    async def _catch_up(self, session_id: str, head: int) -> None:
        place = self._hub.place(session_id)
        if place is None or place >= head:
            return
        for row in await self._rows(session_id, place):
            if row.seq > head:  # of which more will be told, and previews of it before
                return
            self._hub.deliver(session_id, row.body, seq=row.seq, thread_id=row.thread_id, shown=row.shown)

    def _show(self, notice: Notice) -> None:
        body, of, thread_id, primary = notice.data
        self._hub.show(notice.session_id, body, of=of, thread_id=thread_id, primary=primary)


def _pieces(body: JsonObject) -> list[JsonObject]:
    """A frame that may be long, in frames that fit into a notice."""
    if body["type"] != "event_delta":
        return [body]
    delta: JsonObject = body["delta"]
    content: JsonObject = delta.get("content") or {}
    text = str(content.get("text") or "")
    if len(text) <= _PIECE:
        return [body]
    parts = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [{**body, "delta": {**delta, "content": {**content, "text": part}}} for part in parts]
