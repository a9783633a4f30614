"""`server.json` in the data directory: where the server that works on it answers."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from pydantic import BaseModel, ValidationError


class Presence(BaseModel):
    """A running server."""

    url: str
    pid: int


@contextlib.contextmanager
def announced(data_dir: Path, url: str) -> Generator[None]:
    """The file is there while this is entered; whoever kills the server leaves it behind."""
    file = _file(data_dir)
    staging = file.with_suffix(".new")
    staging.write_text(Presence(url=url, pid=os.getpid()).model_dump_json() + "\n")
    staging.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def find(data_dir: Path) -> Presence | None:
    """What the file says, if the process it names lives."""
    try:
        presence = Presence.model_validate_json(_file(data_dir).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return presence if _lives(presence.pid) else None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _file(data_dir: Path) -> Path:
    return data_dir / "server.json"
