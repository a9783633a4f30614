"""What becomes of a session whose log cannot be folded: its turn ends with an error, and nothing else is touched.

To try again would fail again, and a session that nobody can go on with must still be archived and deleted.
"""

import logging

from journeyman.runtime import draft
from journeyman.runtime.hub import Hub
from journeyman.runtime.journal import placed
from journeyman.runtime.steps import RETRIES_EXHAUSTED
from journeyman.runtime.usage import render_usage
from journeyman.store.port import Batch, Claim, Patch, Row, SessionLog, ThreadPatch

_log = logging.getLogger("journeyman.sessions")


async def give_up(log: SessionLog, hub: Hub, claim: Claim, error: Exception) -> None:
    """Go idle, with what clients have sent unanswered in the log. Raises LostOwnership."""
    _log.error("session %s cannot go on: %s: %s", claim.session_id, type(error).__name__, error)
    message = (
        f"The session cannot go on, as its log cannot be read: {error}. Its events are as they were. Once the log is "
        "mended, for example from a backup, the next message goes on from there."
    )
    name, usage = claim.agent["name"], render_usage(claim.usage, claim.active_us)
    waking = draft.running(name, claim.thread_id) if claim.status == "idle" else []
    idle = [
        draft.thread_idle(name, claim.thread_id, RETRIES_EXHAUSTED, None),
        draft.session_usage(usage, None),
        draft.session_idle(RETRIES_EXHAUSTED, None),
    ]
    head, last_at = claim.head, claim.last_at

    def place(drafts: list[draft.Draft]) -> list[Row]:
        nonlocal head, last_at
        rows: list[Row] = []
        for each in drafts:
            rows.append(placed(each, claim.thread_id, head, last_at))
            head, last_at = rows[-1].seq, rows[-1].processed_at
        return rows

    closed = False
    while not closed:  # somebody has sent something meanwhile
        items, end = await log.inbox(claim.session_id, claim.fence)
        if waking and not items:  # nobody asks for anything
            await log.append(claim.session_id, claim.fence, Batch([], seen=end, release=True))
            return
        rows = place([*waking, *(draft.from_inbox(item) for item in items)])
        waking = []
        before = head, last_at
        closing = place([draft.error("unknown_error", message, "exhausted"), *idle])
        rests = ThreadPatch(claim.thread_id, "idle", closing[-1].processed_at, claim.active_us)
        batch = Batch(
            rows, taken=[item.seq for item in items], closing=closing, closing_patch=Patch("idle"), seen=end,
            closing_threads=[rests],
        )  # fmt: skip
        closed = await log.append(claim.session_id, claim.fence, batch)
        if not closed:
            head, last_at = before
        for row in [*rows, *closing] if closed else rows:
            hub.publish(claim.session_id, row.body, seq=row.seq, thread_id=row.thread_id, shown=row.shown)
