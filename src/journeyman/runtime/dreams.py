"""Follows dreams from their making to their end. A dream is a session; its rows say what becomes of it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from journeyman.engine.port import Whereabouts
from journeyman.runtime.dream_opening import opening
from journeyman.runtime.lifecycle import SessionLifecycle
from journeyman.store.port import Dream, Followed, Opening

_log = logging.getLogger("journeyman.dreams")

_PAUSE = 1.0
"""Seconds between two looks when nobody says that there is something to see."""


class DreamRows(Protocol):
    """The store, as far as the course of dreams is concerned."""

    async def due(self) -> Sequence[Dream]: ...
    async def advance(self, dream_id: str, opening: Opening) -> Followed | None: ...


class Dreamer:
    """Every process has one: whichever comes first takes a dream's step, in one transaction, and no other does."""

    def __init__(self, rows: DreamRows, lifecycle: SessionLifecycle) -> None:
        self._rows = rows
        self._lifecycle = lifecycle
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """There is a dream to be begun."""
        self._nudged.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._nudged.clear()
            await self._look()
            try:
                await asyncio.wait_for(self._nudged.wait(), _PAUSE)
            except TimeoutError:
                continue

    def follow(self, followed: Followed | None) -> None:
        """Do for a dream's session what its rows ask for."""
        if followed is None:
            return
        if followed.is_over:
            self._lifecycle.over(followed.session_id)
        else:
            self._lifecycle.wake(followed.session_id, Whereabouts(followed.owner, followed.host))

    async def _look(self) -> None:
        try:
            for dream in await self._rows.due():
                await self._advance(dream)
        except Exception:
            _log.exception("dreams could not be looked after; it is tried again in %g s", _PAUSE)

    async def _advance(self, dream: Dream) -> None:
        try:
            self.follow(await self._rows.advance(dream.id, opening(dream)))
        except Exception:
            _log.exception("dream %s could not go on; it is tried again in %g s", dream.id, _PAUSE)
