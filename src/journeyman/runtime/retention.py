"""Removes what has been kept for as long as it was to be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from journeyman.wire.times import now_us

_log = logging.getLogger("journeyman.retention")


@dataclass(frozen=True, slots=True)
class Rule:
    """`purge` removes one batch of what is older than a time (µs since the epoch); whether there may be more."""

    what: str
    seconds: float
    purge: Callable[[int], Awaitable[bool]]


class Retention:
    """A loop that follows its rules every `pause` seconds, or twice in the time of the shortest one."""

    def __init__(self, rules: Sequence[Rule], *, pause: float = 3600.0) -> None:
        self._rules = rules
        self._pause = min([pause, *(rule.seconds / 2 for rule in rules)])

    async def run(self) -> None:
        """Until it is cancelled."""
        while self._rules:
            for rule in self._rules:
                await self._follow(rule)
            await asyncio.sleep(self._pause)

    async def _follow(self, rule: Rule) -> None:
        before = now_us() - int(rule.seconds * 1_000_000)
        try:
            while await rule.purge(before):
                pass
        except Exception:
            _log.exception("%s could not be removed; it is tried again in %d s", rule.what, self._pause)
