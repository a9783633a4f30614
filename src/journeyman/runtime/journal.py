"""The owner's pen: events get their place, are folded at once, committed in order, and only then shown.

Writing never waits; `flush` does. The state runs ahead of the database by what is queued here, which is safe because
nothing leaves the process before its commit: a brain whose commit fails has lost the session and stops.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from journeyman.engine.port import Always, Lease
from journeyman.runtime.draft import Draft
from journeyman.runtime.hub import Hub
from journeyman.runtime.session import SessionState
from journeyman.store.port import Batch, Claim, Patch, Row, SessionLog
from journeyman.telemetry.port import Nobody, Observer
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us, to_wire

JsonObject = dict[str, Any]


class Journal:
    """The one writer of a claimed session's log."""

    def __init__(
        self,
        log: SessionLog,
        hub: Hub,
        claim: Claim,
        state: SessionState,
        lease: Lease | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._log = log
        self._lease = lease or Always()
        self._hub = hub
        self._observer = observer or Nobody()
        self._claim = claim
        self._state = state
        self._rows: list[Row] = []
        self._taken: list[int] = []
        self._status: str | None = None
        self._commit: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._noted = claim.seen_seq
        self._held = claim.leased
        self.seen = claim.seen_seq

    def write(self, drafts: Sequence[Draft], taken: Sequence[int] = (), *, hold: bool = False) -> None:
        """Append. The commit follows by itself, or, with `hold`, with the caller's next write, flush or close.

        Raises what an earlier commit failed with: a log with a hole is worse than a dead brain.
        """
        self._check()
        before = self._state.status
        for draft in drafts:
            row = placed(draft, self._claim.thread_id, self._state.head, self._state.last_at)
            self._state.apply(row)
            self._rows.append(row)
        self._taken.extend(taken)
        if self._state.status != before or (drafts and drafts[-1].type in _STATUS):
            self._status = self._state.status
        if not hold:
            self._start()

    async def own(self) -> None:
        """Before an effect: this process may have slept, and another have gone on. Raises LostOwnership."""
        if not self._lease.fresh:
            await self._log.confirm(self._claim.session_id, self._claim.fence)

    async def flush(self) -> None:
        """Until everything written is committed and shown. Raises LostOwnership."""
        while self._rows or self._taken or self._committing:
            self._check()
            self._start()
            assert self._commit is not None
            await asyncio.shield(self._commit)
        self._check()

    async def rest(self, seen: int) -> None:
        """Flush, note that the inbox was looked at up to `seen`, and let others own the session."""
        await self.flush()
        if seen != self._noted or self._held:
            self.seen = seen
            await self._append(Batch([], seen=seen, release=True))

    async def close(self, drafts: Sequence[Draft]) -> bool:
        """Append the rows that end a turn, unless a client has sent something that was not looked at yet."""
        while self._committing:
            assert self._commit is not None
            await asyncio.shield(self._commit)
        self._check()
        closing: list[Row] = []
        head, last_at = self._state.head, self._state.last_at
        for draft in drafts:
            closing.append(placed(draft, self._claim.thread_id, head, last_at))
            head, last_at = closing[-1].seq, closing[-1].processed_at
        rows, taken, patch = self._collect()
        batch = Batch(rows, patch, taken, closing, self._closing_patch(last_at), self.seen)
        closed = await self._append(batch)
        if closed:
            for row in closing:
                self._state.apply(row)
        self._show([*rows, *closing] if closed else rows)
        return closed

    @property
    def _committing(self) -> bool:
        return self._commit is not None and not self._commit.done()

    def _start(self) -> None:
        if not self._committing:
            self._commit = asyncio.create_task(self._drain())

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _drain(self) -> None:
        # What the brain writes next, without waiting for anything, shares the commit.
        await asyncio.sleep(0)
        while (self._rows or self._taken) and self._failure is None:
            rows, taken, patch = self._collect()
            try:
                await self._append(Batch(rows, patch, taken, seen=self.seen))
            except Exception:
                return  # kept as the failure, for whoever writes or flushes next
            self._show(rows)

    async def _append(self, batch: Batch) -> bool:
        began = time.perf_counter()
        try:
            closed = await self._log.append(self._claim.session_id, self._claim.fence, batch)
        except Exception as error:
            self._failure = error
            raise
        self._observer.commit(len(batch.rows) + (len(batch.closing) if closed else 0), time.perf_counter() - began)
        self._noted = batch.seen
        self._held = self._claim.leased and not batch.release and not (batch.closing and closed)
        return closed

    def _collect(self) -> tuple[list[Row], list[int], Patch]:
        rows, taken = self._rows, self._taken
        patch = Patch() if self._status is None else self._patch()
        self._rows, self._taken, self._status = [], [], None
        return rows, taken, patch

    def _patch(self) -> Patch:
        state = self._state
        usage = state.primary.usage.stored() if state.status == "idle" else None
        return Patch(state.status, usage, state.active_us, state.running_since, state.primary.due_at)

    def _closing_patch(self, at: int) -> Patch:
        state = self._state
        ran = at - state.running_since if state.running_since is not None else 0
        return Patch("idle", state.primary.usage.stored(), state.active_us + ran)

    def _show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._hub.publish(self._claim.session_id, row.body, seq=row.seq, thread_id=row.thread_id, shown=row.shown)


def placed(draft: Draft, thread_id: str, head: int, last_at: int) -> Row:
    """The row that a draft becomes behind a log's end."""
    at = draft.processed_at or max(now_us(), last_at + 1)
    event_id = draft.id or new_id("sevt")
    body = {"id": event_id, "type": draft.type, **draft.fields, "processed_at": to_wire(at)}
    return Row(head + 1, event_id, draft.type, None if draft.session else thread_id, True, at, body, draft.private)


_STATUS = ("session.status_idle", "session.status_running", "session.status_rescheduled")
