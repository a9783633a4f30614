"""Noticing the death of shells, which the sandbox's first process cannot."""

import asyncio
import os
from collections.abc import Callable

from journeyman.sandboxes.local.population import Population


class Watch:
    """Follows the shells of a sandbox by process descriptors."""

    def __init__(self, population: Population, died: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._population = population
        self._died = died
        self._followed: dict[str, int] = {}

    def follow(self, shell: str) -> bool:
        """Follow the living shell of this name; False when there is none."""
        if shell in self._followed:
            return True
        pid = self._population.shell(shell)
        if pid is None:
            return False
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        self._followed[shell] = descriptor
        self._loop.add_reader(descriptor, self._lose, shell)
        return True

    def close(self) -> None:
        for shell in list(self._followed):
            self._forget(shell)

    def _lose(self, shell: str) -> None:
        self._forget(shell)
        self.follow(shell)  # its successor may be up already
        self._died()

    def _forget(self, shell: str) -> None:
        descriptor = self._followed.pop(shell)
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
