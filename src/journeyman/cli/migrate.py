"""`journeyman migrate`, and a database for the commands that need one."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from journeyman.app import open_database
from journeyman.config import Settings
from journeyman.store import schema
from journeyman.store.database import Database


def migrate(settings: Settings) -> None:
    """Upgrade the schema. Raises what the database raises."""
    asyncio.run(_migrate(settings))
    print(f"The database is up to date (revision {schema.HEAD}).")


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Database]:
    """The configured database, also while a server works on it."""
    settings.data_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
    database = open_database(settings)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _migrate(settings: Settings) -> None:
    async with opened(settings):
        pass
