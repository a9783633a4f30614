"""When a sandbox that nobody uses is stopped."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from journeyman.sandboxes.local.box import Box

_log = logging.getLogger("journeyman.sandboxes")


class Rest:
    """One timer per running sandbox. Use does not touch it: when it rings, it is set again to what use has made due."""

    def __init__(self, stop: Callable[[Box], Awaitable[bool]], idle_stop: float, idle_cap: float) -> None:
        """Seconds of rest until `stop` is called: without, and with processes that the agent left."""
        self._stop = stop
        self._idle_stop = idle_stop
        self._idle_cap = max(idle_stop, idle_cap)
        self._looks: set[asyncio.Task[None]] = set()

    def watch(self, box: Box) -> None:
        """Once it runs. Idempotent."""
        if box.alarm is None:
            self._set(box, asyncio.get_running_loop().time() + self._idle_stop)

    async def close(self) -> None:
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    def _set(self, box: Box, at: float) -> None:
        box.alarm = asyncio.get_running_loop().call_at(at, self._ring, box)

    def _ring(self, box: Box) -> None:
        box.alarm = None
        if box.open_channel is None:
            return  # the next start watches it again
        now, due = asyncio.get_running_loop().time(), box.last_used + self._idle_stop
        if not box.is_idle:
            self._set(box, now + self._idle_stop)
        elif due > now:
            self._set(box, due)
        else:
            look = asyncio.get_running_loop().create_task(self._look(box))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _look(self, box: Box) -> None:
        again = asyncio.get_running_loop().time() + self._idle_stop
        try:
            if (channel := box.open_channel) is None:
                return
            cap = box.last_used + self._idle_cap
            if cap > asyncio.get_running_loop().time() and await asyncio.to_thread(channel.population.left_behind):
                again = min(again, cap)
            elif not box.use.elsewhere(self._idle_stop) and await self._stop(box):
                return
        except Exception:
            _log.exception("sandbox %s could not be stopped when idle", box.name)
        if box.open_channel is not None and box.alarm is None:
            self._set(box, again)
