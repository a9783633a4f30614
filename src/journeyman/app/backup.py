"""Backups: everything that a data directory has, the database first and then the files, while servers may run.

The files can be newer than the log, never older: a run that the log waits for is found in its sandbox.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError
from sqlalchemy import make_url

from journeyman import __version__
from journeyman.app.archive import pack, unpack
from journeyman.app.data_dir import locked, make_data_dir
from journeyman.app.refusals import CannotStart
from journeyman.config import Settings
from journeyman.sandboxes.local.backup import PASSING, copy_disks, settle_restored
from journeyman.store import copying

_NAME = "backup.json"
_DATABASE = "backup.db"
_PASSING = ("lock", "server.json", "server.new", "self-check-*")


class Backup(BaseModel):
    """What an archive says of itself."""

    version: str
    """Of Journeyman."""
    created: str
    """RFC 3339, UTC."""
    database: Literal["sqlite", "postgresql"]
    as_root: bool
    provider: str

    @property
    def has_database(self) -> bool:
        """A Postgres database is not in it."""
        return self.database == "sqlite"


class CannotRestore(CannotStart):
    """Nothing was changed; the message says why and what to do."""


def back_up(settings: Settings, file: Path) -> Backup:
    """Write an archive that only its owner may read. Raises CannotStart."""
    data_dir, file = settings.data_dir(), file.absolute()
    if not data_dir.is_dir():
        raise CannotStart(f"There is no data directory {data_dir}: name it with --data-dir.")
    if file.exists():
        raise CannotStart(f"{file} is there already: choose another name.")
    if file.resolve().is_relative_to(data_dir):
        raise CannotStart(f"{file} lies in the data directory: choose a place outside, best on another disk.")
    database = _sqlite(settings)
    about = Backup(
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        database="sqlite" if database else "postgresql",
        as_root=os.geteuid() == 0,
        provider=settings.sandbox.provider,
    )
    left_out = [*_PASSING, *PASSING]
    with _staged(file) as staging:
        (staging / _NAME).write_text(about.model_dump_json() + "\n")
        parts = [(staging, f"./{_NAME}")]
        if database:
            _copy(database, staging / _DATABASE)
            parts.append((staging, f"./{_DATABASE}"))
            left_out += [f"{database.name}{end}" for end in ("", "-wal", "-shm")]
        copied = _copied_disks(data_dir, staging)
        left_out += copied
        if copied:
            parts.append((staging, "./disks"))
        pack(staging / file.name, [*parts, (data_dir, ".")], left_out)
        (staging / file.name).rename(file)
    return about


def restore(settings: Settings, file: Path) -> Backup:
    """Make the data directory, which must be empty or not there, of an archive. Raises CannotStart."""
    about, data_dir = _about(file), settings.data_dir()
    target = _sqlite(settings)
    if about.has_database != (target is not None):
        raise CannotRestore(f"The backup is of a server on {about.database}, and database.url is not: change it.")
    if about.as_root != (os.geteuid() == 0):
        who = "root" if about.as_root else "an ordinary user"
        raise CannotRestore(f"The backup is of a server of {who}: its files need their owners, so be that too.")
    for path in (target, data_dir):
        if path and path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise CannotRestore(f"{path} is there already and would be overwritten: choose another, or move it away.")
    make_data_dir(data_dir)
    with locked(data_dir, shared=False):
        try:
            unpack(file, data_dir)
            settle_restored(data_dir)
            (data_dir / _NAME).unlink()
            if target:
                shutil.move(data_dir / _DATABASE, target)
        except BaseException:
            _empty(data_dir)
            raise
    return about


def _sqlite(settings: Settings) -> Path | None:
    url = make_url(settings.database_url())
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _copy(database: Path, target: Path) -> None:
    try:
        copying.copy(database, target)
    except sqlite3.Error as error:
        raise CannotStart(f"The database {database} cannot be copied: {error}.") from error


def _copied_disks(data_dir: Path, staging: Path) -> list[str]:
    try:
        return copy_disks(data_dir, staging)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotStart(f"The disk of a sandbox cannot be copied: {error}.") from error


@contextlib.contextmanager
def _staged(file: Path) -> Generator[Path]:
    """A directory beside the archive in which it is made; nothing is left of it."""
    if not file.parent.is_dir():
        raise CannotStart(f"There is no folder {file.parent}.")
    before = os.umask(0o077)
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as staging:
            yield Path(staging)
    finally:
        os.umask(before)


def _about(file: Path) -> Backup:
    try:
        with tarfile.open(file) as archive:
            first = archive.next()
            member = archive.extractfile(first) if first and first.name == f"./{_NAME}" else None
            if member:
                return Backup.model_validate_json(member.read())
    except (tarfile.TarError, EOFError, ValidationError) as error:
        raise CannotRestore(f"{file} is no backup of Journeyman's: {error}") from error
    raise CannotRestore(f"{file} is no backup of Journeyman's.")


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
