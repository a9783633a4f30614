"""Databases as earlier releases left them: `databases/REVISION.json` holds the rows of a server that was killed."""

import json
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, create_engine

from journeyman.store import schema

_DATABASES = Path(__file__).parent / "databases"


def make_database(url: str, revision: str) -> dict[str, str]:
    """Its sessions' ids by their titles, which say how each was left."""
    tables = json.loads((_DATABASES / f"{revision}.json").read_text())
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        known = MetaData()
        known.reflect(connection)
        for name, rows in tables.items():
            table = known.tables[name]
            booleans = [column.name for column in table.columns if column.type.python_type is bool]
            for row in rows:
                connection.execute(table.insert(), {**row, **{name: bool(row[name]) for name in booleans}})
    engine.dispose()
    return {row["title"]: row["id"] for row in tables["sessions"]}
