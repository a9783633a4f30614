"""A session's events as they happen: a live tail without history. Headers go out once listening has begun."""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from journeyman.runtime.hub import Hub, Subscriber

_KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream lives."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response):
    """Sends a subscriber's frames, all that wait in one write, until it ends or the client leaves."""

    def __init__(self, hub: Hub, subscriber: Subscriber) -> None:
        super().__init__(media_type="text/event-stream")
        self._hub = hub
        self._subscriber = subscriber

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            frames: bytes | None = b""
            while frames is not None:
                await send({"type": "http.response.body", "body": frames or b": \n\n", "more_body": True})
                frames = await self._subscriber.take(_KEEP_ALIVE)
            with contextlib.suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._hub.leave(self._subscriber)

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscriber.end()
