"""A server's database, past the server."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg


def run_sql(directory: Path, url: str | None, statement: str, *values: Any) -> list[Any]:
    """Run one statement, with `?` for values; what it gives. Without `url`, on SQLite in `directory/data`."""
    if url is None:
        with closing(sqlite3.connect(directory / "data" / "journeyman.db", timeout=10)) as database, database:
            return database.execute(statement, values).fetchall()
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.replace("?", "%s"), values)  # pyright: ignore
        return cursor.fetchall() if cursor.description else []
