"""Who listens to which session: frames go out once encoded, to everyone, and a reader that stalls is cut off."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from journeyman.wire.crossposts import as_own

_BACKLOG = 20_000
_REMEMBERED = 64
"""Events whose previews are too late."""


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


class Beyond(Protocol):
    """The other processes, which have streams too."""

    def appended(self, session_id: str, seq: int) -> None:
        """The log has been committed up to `seq`."""
        ...

    def previewed(self, session_id: str, body: dict[str, Any], *, of: str, thread_id: str, primary: bool) -> None: ...

    def wants_previews(self, session_id: str) -> bool: ...

    def listens(self, session_id: str) -> None:
        """Somebody here wants previews."""
        ...

    def missed(self, session_id: str, seq: int) -> None:
        """Streams here have not seen all of the log up to `seq`."""
        ...

    def over(self, session_id: str, body: dict[str, Any] | None) -> None:
        """The session is over; its streams end with `body`."""
        ...


@dataclass(slots=True)
class _Channel:
    """The streams of one session, and how much of its log they have seen, where other processes append too."""

    listeners: set[Subscriber] = field(default_factory=set[Subscriber])
    place: int | None = None
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


class Hub:
    """All open streams of this process."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._beyond: Beyond | None = None

    def join(self, beyond: Beyond) -> None:
        """From now on other processes append and listen too."""
        self._beyond = beyond

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return sum(len(channel.listeners) for channel in self._channels.values())

    def subscribe(self, session_id: str, thread_id: str | None, previews: frozenset[str]) -> Subscriber:
        subscriber = Subscriber(session_id, thread_id, previews)
        self._channels.setdefault(session_id, _Channel()).listeners.add(subscriber)
        if previews and self._beyond is not None:
            self._beyond.listens(session_id)
        return subscriber

    def follow(self, session_id: str, head: int) -> None:
        """Before a stream begins: what the log has up to `head`, which was read after subscribing, is the past."""
        channel = self._channels.get(session_id)
        if channel is not None and self._beyond is not None and channel.place is None:
            channel.place = head

    def leave(self, subscriber: Subscriber) -> None:
        channel = self._channels.get(subscriber.session_id)
        if channel is not None:
            channel.listeners.discard(subscriber)
            if not channel.listeners:
                del self._channels[subscriber.session_id]

    def publish(
        self, session_id: str, body: dict[str, Any], *, seq: int = 0, thread_id: str | None, shown: bool
    ) -> None:
        """A committed event, to the session's listeners (when shown) and its thread's. `seq` 0: not of the log."""
        if seq and self._beyond is not None:
            self._beyond.appended(session_id, seq)
        self.deliver(session_id, body, seq=seq, thread_id=thread_id, shown=shown)

    def deliver(self, session_id: str, body: dict[str, Any], *, seq: int, thread_id: str | None, shown: bool) -> None:
        """To the listeners here, once and in the order of the log."""
        channel = self._channels.get(session_id)
        if channel is None:
            return
        if seq and self._beyond is not None:
            if channel.place is not None and seq > channel.place + 1:
                self._beyond.missed(session_id, seq)
                return
            if channel.place is not None and seq <= channel.place:
                return
            channel.place = seq
            channel.recent.append(body["id"])
        frame, own = encode(body), as_own(body)
        frame_of_thread = frame if own is body else encode(own)
        for each in tuple(channel.listeners):
            if each.thread_id is None and shown:
                each.push(frame)
            elif each.thread_id is not None and each.thread_id == thread_id:
                each.push(frame_of_thread)

    def place(self, session_id: str) -> int | None:
        """How much of a session's log its listeners have seen; None without any."""
        channel = self._channels.get(session_id)
        return None if channel is None else channel.place

    def followed(self, *, previews: bool = False) -> list[str]:
        """The sessions that are listened to, or whose previews are."""
        return [session for session in self._channels if not previews or any(self._asking(session))]

    def wants_previews(self, session_id: str) -> bool:
        return any(self._asking(session_id)) or (self._beyond is not None and self._beyond.wants_previews(session_id))

    def preview(self, session_id: str, body: dict[str, Any], *, of: str, thread_id: str, primary: bool) -> None:
        """A preview frame of an event of type `of`, to those who asked for it on that thread."""
        if self._beyond is not None and self._beyond.wants_previews(session_id):
            self._beyond.previewed(session_id, body, of=of, thread_id=thread_id, primary=primary)
        self.show(session_id, body, of=of, thread_id=thread_id, primary=primary)

    def show(self, session_id: str, body: dict[str, Any], *, of: str, thread_id: str, primary: bool) -> None:
        """A preview, to the listeners here, unless its event is out already."""
        channel = self._channels.get(session_id)
        if channel is None or (channel.recent and _previewed(body) in channel.recent):
            return
        frame: bytes | None = None
        for each in self._asking(session_id):
            listens = primary if each.thread_id is None else each.thread_id == thread_id
            if listens and of in each.previews:
                frame = frame or encode(body)
                each.push(frame)

    def end(self, session_id: str, last: dict[str, Any] | None = None) -> None:
        """The session is over: its streams end everywhere, after a `last` event."""
        if self._beyond is not None:
            self._beyond.over(session_id, last)
        self.finish(session_id, last)

    def finish(self, session_id: str, last: dict[str, Any] | None = None) -> None:
        """The streams of this process end."""
        if last is not None:
            self.deliver(session_id, last, seq=0, thread_id=None, shown=True)
        channel = self._channels.get(session_id)
        for each in tuple(channel.listeners) if channel is not None else ():
            each.end()

    def close(self) -> None:
        """The server stops: all streams here end."""
        for session_id in tuple(self._channels):
            self.finish(session_id)

    def _asking(self, session_id: str) -> Iterator[Subscriber]:
        channel = self._channels.get(session_id)
        return (each for each in tuple(channel.listeners) if each.previews) if channel is not None else iter(())


def encode(body: dict[str, Any]) -> bytes:
    """One SSE frame."""
    return b"event: " + str(body["type"]).encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"


def _previewed(body: dict[str, Any]) -> str:
    """The id of the event that a preview frame is of."""
    return str(body["event"]["id"] if "event" in body else body.get("event_id"))
