"""The engine port: who runs a woken session. It knows sessions by id, and not what a turn is."""

from typing import NamedTuple, Protocol


class Whereabouts(NamedTuple):
    """What is known of who looks after a session: the process that owns it, and the host that its sandbox is on."""

    owner: str | None = None
    host: str | None = None


NOWHERE = Whereabouts()


class Lease(Protocol):
    """This process's right to what it owns."""

    @property
    def fresh(self) -> bool:
        """Whether nobody else can own it by now."""
        ...


class Always:
    """The lease of the only process there is."""

    @property
    def fresh(self) -> bool:
        return True


class Engine(Protocol):
    """Conformance: `tests/engine`."""

    def wake(self, session_id: str, at: Whereabouts = NOWHERE) -> None:
        """There is something to do for this session. Wakes collapse; none is lost."""
        ...

    def release(self, session_id: str) -> None:
        """The session is over or gone: forget it."""
        ...

    async def start(self) -> None:
        """Take up everything that is unfinished."""
        ...

    async def stop(self) -> None:
        """Let go of every session, wherever it stands; another engine takes it up from its log."""
        ...


class Superseded(Exception):
    """The worker does not own its session any more: somebody else does, or it is gone."""


class LivesElsewhere(Exception):
    """No worker can be made: a living process owns the session, or has its sandbox on another host."""

    def __init__(self, at: Whereabouts) -> None:
        super().__init__(at)
        self.at = at


class Worker(Protocol):
    """What an engine runs for one session; the runtime's brain."""

    def notify(self) -> None:
        """It was woken again while running."""
        ...

    async def run(self) -> int | None:
        """Work until there is nothing to do; the time (µs since the epoch) to be woken at, if any.

        Raises Superseded.
        """
        ...
