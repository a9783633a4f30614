"""What a process finds in its data directory, and makes there."""

import fcntl
import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from journeyman.app.refusals import DataDirectoryInUse, DataDirectoryUnusable
from journeyman.config import Settings
from journeyman.wire.ids import new_id


def first_key(settings: Settings) -> Path:
    """The file with the key that was made on the first start."""
    return settings.data_dir() / "api_key"


def make_data_dir(data_dir: Path) -> None:
    """Raises DataDirectoryUnusable."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        (data_dir / "lock").touch(mode=0o600)
    except OSError as error:
        raise DataDirectoryUnusable(f"The data directory {data_dir} cannot be used: {error.strerror}.") from error


def host_of(data_dir: Path) -> str:
    """The name of this machine's data directory, made once."""
    return once(data_dir / "host", lambda: new_id("host"))


def once(file: Path, make: Callable[[], str]) -> str:
    """What the file holds; the first to ask makes it, whoever asks at the same time."""
    if not file.exists():
        staged = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(make())
        try:
            file.hardlink_to(staged)  # complete or not there
        except FileExistsError:
            pass  # another was first
        finally:
            staged.unlink()
    return file.read_text()


@contextmanager
def locked(data_dir: Path, *, shared: bool) -> Generator[None]:
    """Only the processes of one shared database may work on a data directory together. Raises DataDirectoryInUse."""
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            raise DataDirectoryInUse(f"Another Journeyman server works on {data_dir}.") from error
        yield
