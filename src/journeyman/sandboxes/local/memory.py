"""What is kept of a sandbox's shells while it is stopped, out of its reach, and what their next run is to be told."""

from pathlib import Path
from typing import NamedTuple

import orjson

from journeyman.sandboxes.port import Incident

_EVERYONE = ".all"


class News(NamedTuple):
    """What the next run of a shell says besides its own result."""

    lost: bool = False
    """The shell was lost, and is not made again as it was."""
    incidents: tuple[Incident, ...] = ()


class Memory:
    """A file per shell that was ever used: a line of news, and after it what makes the shell again.

    It is empty while the shell is in use, so that an end that nobody prepared is known to have lost it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used: set[str] = set()

    def news(self, shell: str) -> News:
        """What to tell the next run."""
        if shell in self._used:
            return News()
        own, everyone = self._read(shell)[0], self._read(_EVERYONE)[0]
        return News(own.lost, everyone.incidents + own.incidents)

    def use(self, shell: str, *, told: bool = True) -> None:
        """From now on the shell differs from what was kept; its news are told."""
        if shell not in self._used:
            self._used.add(shell)
            self._write(shell, b"")
            if told:
                (self._path / _EVERYONE).unlink(missing_ok=True)

    def used(self) -> list[str]:
        """The shells in use."""
        return [path.name for path in self._files() if not path.stat().st_size]

    def keep(self, shell: str, news: News, pieces: bytes) -> None:
        """The shell is as `pieces` say, until it is used."""
        self._used.discard(shell)
        told = {"lost": news.lost, "incidents": [list(each) for each in news.incidents]}
        self._write(shell, orjson.dumps(told) + b"\n" + pieces)

    def announce(self, incident: Incident) -> None:
        """Tell whichever shell runs next."""
        self.keep(_EVERYONE, News(incidents=(incident,)), b"")

    def begin_life(self) -> dict[str, bytes]:
        """The sandbox is about to start: shells that were in use are lost; the pieces of the others."""
        for shell in self.used():
            self.keep(shell, News(lost=True), b"")
        return {path.name: pieces for path in self._files() if (pieces := self._read(path.name)[1])}

    def _files(self) -> list[Path]:
        return [path for path in self._path.glob("*") if not path.name.startswith(".")]

    def _read(self, shell: str) -> tuple[News, bytes]:
        try:
            line, _, pieces = (self._path / shell).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return News(), b""
        if not line:
            return News(), b""
        told = orjson.loads(line)
        return News(told["lost"], tuple(Incident(*each) for each in told["incidents"])), pieces

    def _write(self, shell: str, data: bytes) -> None:
        self._path.mkdir(mode=0o700, exist_ok=True)
        staged = self._path / f".{shell}.new"
        staged.write_bytes(data)
        staged.rename(self._path / shell)
