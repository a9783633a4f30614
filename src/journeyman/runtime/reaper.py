"""Removes the sandboxes of sessions that are over, and those that have reached their age or rested too long."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from journeyman.sandboxes.port import Sandboxes, SandboxInfo

Statuses = Callable[[Sequence[str]], Awaitable[Mapping[str, tuple[str, float]]]]
"""Of those sessions that exist, by id: the status, and when something last happened (wall clock, seconds)."""

_log = logging.getLogger("journeyman.sandboxes")

_AT_WORK = ("running", "rescheduling")


class Reaper:
    """A loop that sleeps until the next sandbox reaches its age, or has rested for `idle_seconds`; `pause` at most.

    Most sandboxes go with the request that ends their session; here go those whose removal failed, or whose server
    died in between. What fails or is in use is tried again after `again` seconds.
    """

    def __init__(
        self,
        sandboxes: Sandboxes,
        statuses: Statuses,
        expire_seconds: float,
        *,
        idle_seconds: float | None = None,
        pause: float = 3600.0,
        again: float = 30.0,
    ) -> None:
        self._sandboxes = sandboxes
        self._statuses = statuses
        self._expire = expire_seconds
        self._idle = idle_seconds
        self._pause = min(pause, expire_seconds / 2, (idle_seconds or expire_seconds) / 2)
        self._again = again

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            wait = await self._pass()
            await asyncio.sleep(wait)

    async def _pass(self) -> float:
        """Look at all of them once; in how many seconds to look again."""
        try:
            found = await self._sandboxes.inventory()
            # Asked for afterwards: a session has its row before it has a sandbox.
            statuses = await self._statuses([info.id for info in found])
        except Exception:
            _log.exception("the sandboxes could not be looked through")
            return self._again
        waits = [await self._look(info, *statuses.get(info.id, ("deleted", 0.0))) for info in found]
        return min([self._pause, *waits])

    async def _look(self, info: SandboxInfo, status: str, last: float) -> float:
        """Remove it if its time has come; in how many seconds it is to be looked at again."""
        is_over = status in ("deleted", "terminated")
        left = info.created + self._expire - time.time()
        if self._idle is not None and status == "idle":
            # A sandbox that has just been replaced has not rested, however old the session's last event is.
            left = min(left, max(last, info.created) + self._idle - time.time())
        if not is_over and (left > 0 or info.state == "expired"):
            return self._pause if info.state == "expired" else left
        if info.in_use or status in _AT_WORK:
            return self._again
        try:
            if is_over:
                await self._sandboxes.destroy(info.id)
                _log.info("session %s is %s: its sandbox is removed", info.id, status)
            elif await self._sandboxes.expire(info.id):
                _log.info("session %s: its sandbox has reached its age, or has rested, and is removed", info.id)
            else:
                return self._again
        except Exception:
            _log.exception("session %s: its sandbox could not be removed", info.id)
            return self._again
        return self._pause
