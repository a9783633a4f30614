"""A thread's share of its session's journal: what it writes is its own."""

from collections.abc import Sequence
from dataclasses import replace

from journeyman.runtime.draft import Draft
from journeyman.runtime.journal import Journal
from journeyman.runtime.thread import Thread


def owned(thread: Thread, draft: Draft) -> Draft:
    """A draft that does not say whose it is, as this thread's: the session has it too if that is the primary one."""
    if thread.parent is None or draft.session or draft.thread is not None:
        return draft
    return replace(draft, thread=thread.id, shown=False)


class Pen:
    """What does not say whose it is belongs to the thread."""

    def __init__(self, journal: Journal, thread: Thread) -> None:
        self._journal = journal
        self._thread = thread

    def write(self, drafts: Sequence[Draft], *, hold: bool = False) -> None:
        """Raises what an earlier commit failed with."""
        self._journal.write([owned(self._thread, each) for each in drafts], hold=hold)

    async def flush(self) -> None:
        """Until everything written is committed and shown. Raises LostOwnership."""
        await self._journal.flush()

    async def own(self) -> None:
        """Before an effect. Raises LostOwnership."""
        await self._journal.own()
