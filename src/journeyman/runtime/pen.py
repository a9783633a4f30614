"""A thread's share of its session's journal: what it writes is its own."""

from collections.abc import Sequence
from dataclasses import replace

from journeyman.runtime.draft import Draft
from journeyman.runtime.journal import Journal
from journeyman.runtime.thread import Thread


class Pen:
    """What does not say whose it is belongs to the thread; the session's stream has it if that is the primary one."""

    def __init__(self, journal: Journal, thread: Thread) -> None:
        self._journal = journal
        self._thread = thread

    def write(self, drafts: Sequence[Draft], *, hold: bool = False) -> None:
        """Raises what an earlier commit failed with."""
        self._journal.write([self._owned(each) for each in drafts], hold=hold)

    async def flush(self) -> None:
        """Until everything written is committed and shown. Raises LostOwnership."""
        await self._journal.flush()

    async def own(self) -> None:
        """Before an effect. Raises LostOwnership."""
        await self._journal.own()

    def _owned(self, draft: Draft) -> Draft:
        if self._thread.parent is None or draft.session or draft.thread is not None:
            return draft
        return replace(draft, thread=self._thread.id, shown=False)
