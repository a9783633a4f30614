"""What happens around a session's rows when it is made, woken, archived or deleted."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from journeyman.engine.port import Engine, Whereabouts
from journeyman.runtime.carrying import Carrier
from journeyman.runtime.computer import has_packages
from journeyman.runtime.hub import Hub
from journeyman.runtime.repositories import Repositories
from journeyman.sandboxes.port import SandboxError, Sandboxes
from journeyman.store.events import Events, NewEvent
from journeyman.store.sessions import SessionRow, Sessions, environment_of
from journeyman.store.threads import ThreadRow, Threads
from journeyman.wire.ids import new_id
from journeyman.wire.sessions import SessionCreate, SessionUpdate
from journeyman.wire.times import now_us, to_wire

_log = logging.getLogger("journeyman.sessions")


class SessionLifecycle:
    """Rows first, then the effects that follow from them."""

    def __init__(
        self,
        sessions: Sessions,
        events: Events,
        threads: Threads,
        engine: Engine,
        hub: Hub,
        sandboxes: Sandboxes,
        repositories: Repositories,
        carrier: Carrier | None = None,
    ) -> None:
        self._sessions = sessions
        self._events = events
        self._threads = threads
        self._engine = engine
        self._hub = hub
        self._sandboxes = sandboxes
        self._repositories = repositories
        self._carrier = carrier
        self._cleaning: set[asyncio.Task[None]] = set()

    async def create(self, workspace: str, create: SessionCreate, initial: Sequence[NewEvent]) -> SessionRow:
        repositories = await self._repositories.prepare(create.resources or [])
        row = await self._sessions.create(workspace, create, initial, repositories)
        if initial or repositories or has_packages(environment_of(row)):
            self._engine.wake(row["id"])
        return row

    async def send(self, workspace: str, session_id: str, new: Sequence[NewEvent]) -> None:
        owner, host = await self._events.send(workspace, session_id, new)
        self._engine.wake(session_id, Whereabouts(owner, host))

    async def update(self, workspace: str, session_id: str, change: SessionUpdate) -> SessionRow:
        row, changed = await self._sessions.update(workspace, session_id, change)
        if changed:
            self._engine.wake(session_id, Whereabouts(row["owner"], row["host"]))
        return row

    async def archive(self, workspace: str, session_id: str) -> SessionRow:
        """Streams end; the sandbox goes."""
        row = await self._sessions.archive(workspace, session_id)
        self.over(session_id)
        return row

    async def archive_thread(self, workspace: str, session_id: str, thread_id: str) -> ThreadRow:
        """Its slot is free; it can be read, and nothing more."""
        row, (owner, host) = await self._threads.archive(workspace, session_id, thread_id)
        self._engine.wake(session_id, Whereabouts(owner, host))
        return row

    async def delete(self, workspace: str, session_id: str) -> dict[str, Any]:
        """Streams are told, then end; the sandbox goes."""
        await self._sessions.delete(workspace, session_id)
        deleted = {"id": new_id("sevt"), "type": "session.deleted", "processed_at": to_wire(now_us())}
        self.over(session_id, deleted)
        return {"id": session_id, "type": "session_deleted"}

    def wake(self, session_id: str, at: Whereabouts) -> None:
        """Something was put into its inbox."""
        self._engine.wake(session_id, at)

    async def settle(self) -> None:
        """Until the sandboxes that are to go are gone."""
        await asyncio.gather(*self._cleaning, return_exceptions=True)

    def over(self, session_id: str, last: dict[str, Any] | None = None) -> None:
        """Its rows say so: let go of what is not rows."""
        self._engine.release(session_id)
        self._hub.end(session_id, last)
        task = asyncio.create_task(self._destroy(session_id))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _destroy(self, session_id: str) -> None:
        try:
            await self._sandboxes.destroy(session_id)
            if self._carrier is not None:
                await self._carrier.forget(session_id)
        except (SandboxError, OSError) as error:
            _log.warning("session %s: its sandbox could not be removed: %s", session_id, error)
