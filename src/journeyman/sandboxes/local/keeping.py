"""What keeps sandboxes: makes, finds and ends the processes that they are."""

from pathlib import Path
from typing import Protocol

from journeyman.sandboxes.local.channel import Channel
from journeyman.sandboxes.local.directory import Directory


class Keeper(Protocol):
    """Keeps none of them in mind. Calls raise SandboxUnavailable when the machine will not have it."""

    async def attach(self, directory: Directory) -> Channel:
        """Have the sandbox running and open its channel."""
        ...

    def find(self, directory: Directory) -> Channel | None:
        """Open the channel if the sandbox runs."""
        ...

    async def end(self, directory: Directory) -> None:
        """Kill its processes and remove what is not to be kept. Idempotent."""
        ...

    async def settle(self, directory: Directory) -> None:
        """Remove what a life that nobody ended has left, if it does not live."""
        ...

    def is_settled(self, directory: Directory) -> bool:
        """Whether it was stopped, and nothing is left of it but its files."""
        ...

    async def remove(self, directory: Directory) -> None:
        """End what nobody names any more, and remove its directory. Idempotent, also while others do the same."""
        ...

    async def dispose(self, path: Path) -> None:
        """Remove a discarded directory. Raises SandboxError when some of it stays."""
        ...

    async def stray_slots(self) -> set[int]:
        """Slots of which something is known outside the sandboxes' directory."""
        ...

    def owner(self, directory: Directory) -> tuple[int, int]:
        """uid and gid on the host of the sandbox's root."""
        ...
