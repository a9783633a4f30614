"""Rate limits: creates and reads a minute, per API key."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from journeyman.wire.errors import ApiError


class Rates:
    """Counts in this process. A limit of 0 is none."""

    def __init__(self, *, creates: int, reads: int) -> None:
        self._limits = {"creates": creates, "reads": reads}
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, kind: str, key_id: str) -> None:
        """Count a request of `kind` (creates, reads). Raises 429 with `retry-after`."""
        most = self._limits[kind]
        if not most:
            return
        item = RateLimitItemPerMinute(most)
        if self._limiter.hit(item, kind, key_id):
            return
        reset = self._limiter.get_window_stats(item, kind, key_id).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        message = f"This API key has made {most} {kind[:-1]} requests in this minute. Try again in {wait} s."
        raise ApiError("rate_limit_error", message, headers={"retry-after": str(wait)})
