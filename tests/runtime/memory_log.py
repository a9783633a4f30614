"""A SessionLog of one session in memory, as strict as the database, that can die at a chosen append."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal

from journeyman.store.port import Batch, Claim, InboxItem, LostOwnership, Patch, Row
from journeyman.wire.ids import new_id
from journeyman.wire.outcomes import is_open, pending
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

ON_RECEIPT = ("user.custom_tool_result", "user.define_outcome")


class Crash(Exception):
    """The process died."""


class MemoryLog:
    """`crash` = (n, when): the n-th append from now dies before or after its commit. `read_gate` holds the next inbox
    read, `after_read` is called whenever one has its view."""

    def __init__(self, agent: JsonObject, environment: JsonObject | None = None) -> None:
        self.agent = agent
        self.environment = environment or {"id": "env_test", "config": {"type": "cloud"}}
        self.thread_id = new_id("sthr")
        self.log: list[Row] = []
        self.waiting: list[InboxItem] = []
        self.end = 0
        self.seen = 0
        self.fence = 0
        self.status = "idle"
        self.usage: JsonObject = {}
        self.active_us = 0
        self.outcomes: list[JsonObject] = []
        self.appends = 0
        self.crash: tuple[int, Literal["before", "after"]] | None = None
        self.read_gate: asyncio.Event | None = None
        self.reading = asyncio.Event()
        self.after_read: Callable[[], None] | None = None

    def put(self, type_: str, **fields: Any) -> str:
        """A client sends an event; its id."""
        self.end += 1
        at = now_us() if type_ in ON_RECEIPT else None
        item = InboxItem(self.end, new_id("sevt"), type_, json.loads(json.dumps(fields)), at)
        self.waiting.append(item)
        return item.id

    @property
    def outcome_is_open(self) -> bool:
        return any(is_open(each) for each in self.outcomes)

    def put_outcome(self, **fields: Any) -> str:
        """A client defines an outcome; its id."""
        fields = {"description": "d", "rubric": {"type": "text", "content": "r"}, "max_iterations": 3, **fields}
        fields["outcome_id"] = new_id("outc")
        self.put("user.define_outcome", **fields)
        self.outcomes = [*self.outcomes, pending(fields)]
        return fields["outcome_id"]

    async def claim(self, _session_id: str) -> Claim | None:
        self.fence += 1
        last_at = max((row.processed_at for row in self.log), default=0)
        return Claim(
            "sesn_test", "default", self.fence, len(self.log), last_at, self.seen, self.thread_id, self.agent,
            self.environment, 0,
        )  # fmt: skip

    async def rows(self, _session_id: str, after: int = 0) -> list[Row]:
        return [row for row in self.log if row.seq > after]

    async def confirm(self, _session_id: str, fence: int) -> None:
        if fence != self.fence:
            raise LostOwnership

    async def reside(self, _session_id: str, fence: int) -> None:
        await self.confirm("", fence)

    async def inbox(self, _session_id: str, fence: int | None = None) -> tuple[list[InboxItem], int]:
        if fence is not None:
            await self.confirm("", fence)
        found = list(self.waiting), self.end
        if self.after_read is not None:
            self.after_read()
        await asyncio.sleep(0)
        gate, self.read_gate = self.read_gate, None
        if gate is not None:
            self.reading.set()
            await gate.wait()
        return found

    async def append(self, _session_id: str, fence: int, batch: Batch) -> bool:
        await asyncio.sleep(0)
        if fence != self.fence:
            raise LostOwnership
        self.appends += 1
        dies = self._dies()
        if dies == "before":
            raise Crash
        closed = bool(batch.closing) and batch.seen == self.end
        self._write([*batch.rows, *batch.closing] if closed else batch.rows, batch)
        self._patch(batch.closing_patch if closed else batch.patch)
        if dies == "after":
            raise Crash
        return closed or not batch.closing

    async def unfinished(self) -> list[tuple[str, int | None]]:
        return [("sesn_test", None)] if self.waiting or self.status in ("running", "rescheduling") else []

    def _dies(self) -> str | None:
        if self.crash is None:
            return None
        left, when = self.crash
        self.crash = (left - 1, when) if left > 1 else None
        return when if left <= 1 else None

    def _write(self, rows: list[Row], batch: Batch) -> None:
        for row in rows:
            assert row.seq == len(self.log) + 1, "the log has no holes"
            assert row.id not in {each.id for each in self.log}, f"{row.type} is in the log already"
            body, private = json.loads(json.dumps([row.body, row.private]))
            self.log.append(Row(row.seq, row.id, row.type, row.thread_id, row.shown, row.processed_at, body, private))
        taken = set(batch.taken)
        assert taken <= {item.seq for item in self.waiting}, "only what waits can be taken"
        self.waiting = [item for item in self.waiting if item.seq not in taken]
        self.seen = batch.seen

    def _patch(self, patch: Patch) -> None:
        self.status = patch.status or self.status
        self.usage = patch.usage if patch.usage is not None else self.usage
        if patch.outcomes is not None:
            self.outcomes = patch.outcomes
        self.active_us = patch.active_us if patch.active_us is not None else self.active_us
