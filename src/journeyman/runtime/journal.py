"""The owner's pen: events get their place, are folded at once, committed in order, and only then shown.

Writing never waits; `flush` does. The state runs ahead of the database by what is queued here, which is safe because
nothing leaves the process before its commit: a brain whose commit fails has lost the session and stops.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from journeyman.engine.port import Always, Lease
from journeyman.runtime.draft import Draft
from journeyman.runtime.folding import apply
from journeyman.runtime.hub import Hub
from journeyman.runtime.session import SessionState
from journeyman.store.port import Batch, Birth, Claim, Patch, Row, SessionLog, ThreadPatch
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
        self._moved: dict[str, Row] = {}
        """Threads whose status has changed, with the row that says so last."""
        self._born: dict[str, Birth] = {}
        self._outcomes_moved = False
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
            apply(self._state, row)
            self._rows.append(row)
            self._note(row)
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
        ends = [self._closing_thread(row) for row in closing if row.type == "session.thread_status_idle"]
        batch = self._collect(closing, self._closing_patch(last_at, ends), ends)
        rows = batch.rows
        closed = await self._append(batch)
        if closed:
            for row in closing:
                apply(self._state, row)
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
            batch = self._collect()
            try:
                await self._append(batch)
            except Exception:
                return  # kept as the failure, for whoever writes or flushes next
            self._show(batch.rows)

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

    def _note(self, row: Row) -> None:
        if row.type == "session.thread_created":
            child = self._state.thread(row.body["session_thread_id"])
            self._moved[child.id] = row
            self._born[child.id] = Birth(child.parent or "", child.agent, child.run_id, row.processed_at)
        elif row.type.startswith("session.thread_status_"):
            self._moved[row.thread_id or self._claim.thread_id] = row
        elif row.type in _OUTCOMES:
            self._outcomes_moved = True

    def _collect(
        self, closing: Sequence[Row] = (), closing_patch: Patch | None = None, ends: Sequence[ThreadPatch] = ()
    ) -> Batch:
        patch = Patch() if self._status is None else self._patch()
        if self._outcomes_moved:
            told = [each.render() for each in self._state.outcomes]
            patch, closing_patch = replace(patch, outcomes=told), replace(closing_patch or Patch(), outcomes=told)
        threads = [self._thread_patch(thread_id, row) for thread_id, row in self._moved.items()]
        batch = Batch(
            self._rows, patch, self._taken, list(closing), closing_patch or Patch(), self.seen, threads, list(ends)
        )
        self._rows, self._taken, self._status, self._moved, self._born = [], [], None, {}, {}
        self._outcomes_moved = False
        return batch

    def _patch(self) -> Patch:
        state = self._state
        ran = sum(thread.active_us for thread in state.threads)
        usage = state.used(ran, state.active_us).stored() if state.status == "idle" else None
        due = min((thread.due_at for thread in state.threads if thread.due_at is not None), default=None)
        return Patch(state.status, usage, state.active_us, state.running_since, due)

    def _thread_patch(self, thread_id: str, row: Row) -> ThreadPatch:
        thread = self._state.thread(thread_id)
        usage = thread.usage.stored() if thread.status in ("idle", "terminated") else None
        return ThreadPatch(
            thread_id, thread.status, row.processed_at, thread.active_us, thread.running_since, usage,
            self._born.get(thread_id),
        )  # fmt: skip

    def _closing_patch(self, at: int, ends: Sequence[ThreadPatch]) -> Patch:
        state = self._state
        active = state.active_us + (at - state.running_since if state.running_since is not None else 0)
        ran = {thread.id: thread.active_us for thread in state.threads} | {end.id: end.active_us for end in ends}
        return Patch("idle", state.used(sum(ran.values()), active).stored(), active)

    def _closing_thread(self, row: Row) -> ThreadPatch:
        thread = self._state.thread(row.thread_id)
        ran = row.processed_at - thread.running_since if thread.running_since is not None else 0
        return ThreadPatch(thread.id, "idle", row.processed_at, thread.active_us + ran, usage=thread.usage.stored())

    def _show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._hub.publish(self._claim.session_id, row.body, seq=row.seq, thread_id=row.thread_id, shown=row.shown)


def placed(draft: Draft, thread_id: str, head: int, last_at: int) -> Row:
    """The row that a draft becomes behind a log's end; `thread_id`: of the primary thread."""
    at = draft.processed_at or max(now_us(), last_at + 1)
    event_id = draft.id or new_id("sevt")
    body = {"id": event_id, "type": draft.type, **draft.fields, "processed_at": to_wire(at)}
    thread = None if draft.session else draft.thread or thread_id
    return Row(head + 1, event_id, draft.type, thread, draft.shown, at, body, draft.private)


_STATUS = ("session.status_idle", "session.status_running", "session.status_rescheduled")
_OUTCOMES = ("user.define_outcome", "span.outcome_evaluation_start", "span.outcome_evaluation_end")
