"""Who listens to which session: frames go out once encoded, to everyone, and a reader that stalls is cut off."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import orjson

_BACKLOG = 20_000


@dataclass(slots=True, eq=False)
class Subscriber:
    """One open stream. `thread_id` None listens to the session itself."""

    session_id: str
    thread_id: str | None
    previews: frozenset[str]
    frames: deque[bytes] = field(default_factory=deque[bytes])
    closed: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, timeout: float) -> bytes | None:
        """Everything that waits, in one piece; b"" after `timeout` seconds of silence, None at the end."""
        if not self.frames and not self.closed:
            self._ready.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._ready.wait()
            except TimeoutError:
                return b""
        if self.frames:
            together = b"".join(self.frames)
            self.frames.clear()
            return together
        return None

    def push(self, frame: bytes) -> None:
        if len(self.frames) >= _BACKLOG:
            # It missed too much to be told the rest: it reconnects and lists.
            self.end()
        elif not self.closed:
            self.frames.append(frame)
            self._ready.set()

    def end(self) -> None:
        """What was pushed is still delivered."""
        self.closed = True
        self._ready.set()


class Hub:
    """All open streams of this process."""

    def __init__(self) -> None:
        self._subscribers: dict[str, set[Subscriber]] = defaultdict(set)

    def subscribe(self, session_id: str, thread_id: str | None, previews: frozenset[str]) -> Subscriber:
        subscriber = Subscriber(session_id, thread_id, previews)
        self._subscribers[session_id].add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        listeners = self._subscribers.get(subscriber.session_id)
        if listeners is not None:
            listeners.discard(subscriber)
            if not listeners:
                del self._subscribers[subscriber.session_id]

    def publish(self, session_id: str, body: dict[str, Any], *, thread_id: str | None, shown: bool) -> None:
        """A committed event, to the session's listeners (when shown) and its thread's."""
        listeners = self._subscribers.get(session_id)
        if not listeners:
            return
        frame = encode(body)
        for each in tuple(listeners):
            if shown if each.thread_id is None else each.thread_id == thread_id:
                each.push(frame)

    def wants_previews(self, session_id: str) -> bool:
        return any(each.previews for each in self._subscribers.get(session_id, ()))

    def preview(self, session_id: str, body: dict[str, Any], *, of: str, thread_id: str, primary: bool) -> None:
        """A preview frame of an event of type `of`, to those who asked for it on that thread."""
        frame: bytes | None = None
        for each in tuple(self._subscribers.get(session_id, ())):
            listens = primary if each.thread_id is None else each.thread_id == thread_id
            if listens and of in each.previews:
                frame = frame or encode(body)
                each.push(frame)

    def end(self, session_id: str) -> None:
        """The session is over: its streams end."""
        for each in tuple(self._subscribers.get(session_id, ())):
            each.end()

    def close(self) -> None:
        """The server stops: all streams end."""
        for session_id in tuple(self._subscribers):
            self.end(session_id)


def encode(body: dict[str, Any]) -> bytes:
    """One SSE frame."""
    return b"event: " + str(body["type"]).encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"
