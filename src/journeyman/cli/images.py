"""`journeyman images`: the bases of sandboxes on this machine."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.status import Status
from rich.text import Text

from journeyman.app.backends import make_images
from journeyman.cli.printable import printable
from journeyman.cli.problem import Problem
from journeyman.config import Settings
from journeyman.sandboxes.port import SandboxError

_WIDTH = 100
_T = TypeVar("_T")


def build(settings: Settings, name: str, extras: str) -> None:
    """Raises Problem."""
    wanted = [extra.strip() for extra in extras.split(",") if extra.strip()]
    images = make_images(settings)
    if images.find(name):
        raise Problem(f"There is an image {name!r} already: remove it first (journeyman images remove {name}).")
    with _Progress(f"Building {name}") as progress:
        image = _tried(lambda: images.build(name, wanted, progress.tell))
    print(f"{image.name}: {image.source}, {_megabytes(image.size)}")


def take_over(settings: Settings, name: str, path: Path) -> None:
    """Raises Problem."""
    with _Progress(f"Importing {name}") as progress:
        image = _tried(lambda: make_images(settings).import_from(name, path, progress.tell))
    print(f"{image.name}: {image.source}, {_megabytes(image.size)}")


def show(settings: Settings) -> None:
    found = make_images(settings).all()
    if not found:
        print("There are no images yet: `journeyman images build` makes the full one.", file=sys.stderr)
    for image in found:
        print(f"{image.name:<16}  {image.created[:10]}  {_megabytes(image.size):>8}  {image.source}")


def remove(settings: Settings, name: str) -> None:
    """Raises Problem."""
    if not _tried(lambda: make_images(settings).remove(name)):
        raise Problem(f"There is no image {name!r}; `journeyman images list` shows all.")
    print(f"Removed {name}.")


class _Progress:
    """What goes on, in one line that changes on a terminal, else line by line. Always on standard error."""

    def __init__(self, what: str) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._what = what
        self._status = Status(Text(what), console=self._console) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        else:
            print(self._what, file=sys.stderr)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._status:
            self._status.stop()

    def tell(self, line: str) -> None:
        line = printable(line)[:_WIDTH]
        if self._status:
            self._status.update(Text(f"{self._what}: {line}"))
        else:
            print(f"  {line}", file=sys.stderr)


def _tried(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except SandboxError as error:
        raise Problem(str(error)) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
