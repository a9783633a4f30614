"""A session's events as they come, each once, also over a lost connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx2
from anthropic import APIConnectionError, AsyncAnthropic, AsyncStream
from anthropic.types.beta.sessions import BetaManagedAgentsStreamSessionEvents as Event

_ATTEMPTS = 6
_FIRST_PAUSE = 0.5
"""Seconds before the second attempt to reconnect; doubled each time."""


class Tail:
    """Listens from `open` on. A stream has no history: what was missed while it was closed comes from the list."""

    def __init__(self, client: AsyncAnthropic, session_id: str) -> None:
        self._events = client.beta.sessions.events
        self._session_id = session_id
        self._seen: set[str] = set()
        self._stream: AsyncStream[Event] | None = None

    async def open(self) -> None:
        """Returns once nothing that happens from now on can be missed."""
        self._stream = await self._events.stream(self._session_id, event_deltas=["agent.message", "agent.thinking"])

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Ends with the session. Raises APIConnectionError when the server stays away."""
        while self._stream is not None:
            try:
                async for event in self._stream:
                    if self._is_new(event):
                        yield event
                    if event.type in ("session.deleted", "session.status_terminated"):
                        return
            except httpx2.TransportError:
                pass
            await self._reopen()
            async for event in self._events.list(self._session_id):
                if self._is_new(event):
                    yield event

    async def _reopen(self) -> None:
        for attempt in range(_ATTEMPTS):
            with contextlib.suppress(APIConnectionError):
                await self.open()
                return
            await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
        await self.open()

    def _is_new(self, event: Event) -> bool:
        event_id = getattr(event, "id", None)
        if event_id is None:
            return True
        is_new = event_id not in self._seen
        self._seen.add(event_id)
        return is_new
