"""A copy of a SQLite database, consistent while others write to it."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy(source: Path, target: Path) -> None:
    """The database as it is at one moment; `target` must not exist. Writers do not wait. Raises sqlite3.Error."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as original,
        closing(sqlite3.connect(target)) as copied,
    ):
        original.backup(copied)
