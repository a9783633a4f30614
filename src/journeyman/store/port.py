"""What the brain needs of the store: one session's log, its inbox, and who owns it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the log. `body` is the wire's object; `private` is never rendered."""

    seq: int
    id: str
    type: str
    thread_id: str | None
    """None: an event of the session itself."""
    shown: bool
    """Whether the session's own list and stream show it (child threads' events they do not)."""
    processed_at: int
    body: JsonObject
    private: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class InboxItem:
    """What a client sent and the owner has not yet taken into the log."""

    seq: int
    id: str
    type: str
    body: JsonObject
    """The wire's object as echoed, without `processed_at`."""
    processed_at: int | None = None
    """Set for the types that are processed on receipt."""
    trace: str | None = None
    """The traceparent of the request that brought it."""


class Mount(NamedTuple):
    """A file of a session's sandbox."""

    id: str
    path: str
    blob: str | None
    """None: its bytes have expired, or it was removed."""
    removed: bool


class Held(NamedTuple):
    """A memory as a file of a sandbox."""

    sha256: str
    size: int
    changed: int
    """When the file was changed last: nanoseconds."""


class Edit(NamedTuple):
    """What an agent did to a file; `held` is what its sandbox had of the memory before."""

    path: str
    content: str | None
    """None: it was removed."""
    held: Held | None
    size: int = 0
    changed: int = 0


class Dream(NamedTuple):
    """A dream that is not over, or of which something still runs."""

    id: str
    model: JsonObject
    instructions: str | None


class Transcript(NamedTuple):
    """What a dream reads of one session."""

    session_id: str
    title: str | None
    created_at: int
    head: int
    """The end of the log when the dream began."""


class Followed(NamedTuple):
    """What follows from a dream's step, for its session."""

    session_id: str
    is_over: bool
    """It was archived; else there is something for it to do."""
    owner: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """What the session of a dream is made of."""

    agent: JsonObject
    environment: JsonObject
    text: str
    """What it is told first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a session, and what is known of it outside its log."""

    session_id: str
    workspace_id: str
    fence: int
    head: int
    last_at: int
    seen_seq: int
    thread_id: str
    agent: JsonObject
    environment: JsonObject
    created_at: int
    leased: bool = False
    """Other processes may own sessions too: this one is to be released when there is nothing to do."""
    resident: bool = False
    """Its sandbox is known to be on this host."""
    vault_ids: Sequence[str] = ()
    has_repositories: bool = False
    budget: JsonObject | None = None
    memory_stores: Sequence[JsonObject] = ()
    moved: bool = False
    """Its sandbox was on another host, where no process lives any more."""
    skills: Sequence[JsonObject] = ()
    """Those that its sandbox has: `skill_id`, `id` (of the version), `name`, `description`, `directory`, `blob` (None:
    built in)."""
    dream_id: str | None = None
    """The dream that it runs."""
    status: str = "idle"
    usage: JsonObject = field(default_factory=dict[str, Any])
    active_us: int = 0
    """These three as its row has them: the log's word counts, where it can be read."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The state columns that follow from the rows of the same append. None leaves a column as it is."""

    status: str | None = None
    usage: JsonObject | None = None
    active_us: int | None = None
    running_since: int | None = None
    """Written whenever `status` is."""
    due_at: int | None = None
    """Written whenever `status` is."""
    outcomes: list[JsonObject] | None = None
    """As the wire shows them."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A thread that an append makes."""

    parent: str
    agent: JsonObject
    """As the wire shows it."""
    run_id: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class ThreadPatch:
    """What an append changes in a thread's row."""

    id: str
    status: str
    at: int
    active_us: int
    running_since: int | None = None
    usage: JsonObject | None = None
    """None leaves it as it is."""
    birth: Birth | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One append. `closing` rows go in only if nobody has sent anything since `seen`: else only `rows` do."""

    rows: list[Row]
    patch: Patch = field(default_factory=Patch)
    taken: list[int] = field(default_factory=list[int])
    """Inbox places that these rows take into the log."""
    closing: list[Row] = field(default_factory=list[Row])
    closing_patch: Patch = field(default_factory=Patch)
    seen: int = 0
    """How far the owner has looked into the inbox."""
    threads: list[ThreadPatch] = field(default_factory=list[ThreadPatch])
    """That follow from `rows`."""
    closing_threads: list[ThreadPatch] = field(default_factory=list[ThreadPatch])
    """That follow from `closing`."""
    release: bool = False
    """The owner rests. It may go on later under its fence, if nobody has claimed the session meanwhile."""


class Elsewhere(Exception):
    """A living process owns the session, or has its sandbox on another host."""

    def __init__(self, owner: str | None, host: str | None) -> None:
        super().__init__(owner, host)
        self.owner = owner
        self.host = host


class LostOwnership(Exception):
    """Somebody else owns the session now, or it is gone: stop, append nothing."""


class DamagedLog(Exception):
    """A row cannot be read; the message names it."""


class SessionLog(Protocol):
    """The log of every session. Conformance: `tests/store`."""

    async def claim(self, session_id: str) -> Claim | None:
        """Become the owner; None when the session is gone, archived or terminated. Raises Elsewhere."""
        ...

    async def confirm(self, session_id: str, fence: int) -> None:
        """Raises LostOwnership."""
        ...

    async def reside(self, session_id: str, fence: int) -> None:
        """Note that the session's sandbox is on this host. Raises LostOwnership."""
        ...

    async def rows(self, session_id: str, after: int = 0) -> list[Row]:
        """The log behind `after`, in order. Raises DamagedLog."""
        ...

    async def inbox(self, session_id: str, fence: int | None = None) -> tuple[list[InboxItem], int]:
        """What waits to be taken, in order, and the inbox's end (to be given back as `seen`).

        With a fence that is not the owner's any more: LostOwnership.
        """
        ...

    async def append(self, session_id: str, fence: int, batch: Batch) -> bool:
        """Write a batch in one transaction; whether the closing rows went in. Raises LostOwnership."""
        ...

    async def unfinished(self) -> list[tuple[str, int | None]]:
        """Sessions that need a wake, with the time it is due (µs; None: now)."""
        ...


class Notice(NamedTuple):
    """What one process tells all others. A hint: it may be lost, and what matters is found in the database too."""

    kind: Literal["mail", "rows", "preview", "over", "wants", "hello"]
    """`mail` for the process `data`; `rows` up to `data`; a `preview`'s frame; `over`, with a last event; a process
    that `wants` previews of the session; a new process's `hello`."""
    session_id: str
    data: Any = None


class Notices(Protocol):
    """What processes tell each other."""

    def send(self, notice: Notice) -> None:
        """To all other processes, soon, in the order of sending; returns at once."""
        ...

    async def start(self, heard: Callable[[Notice], None], missed: Callable[[], None]) -> None:
        """`missed` is called when notices may have been lost."""
        ...

    async def close(self) -> None: ...
