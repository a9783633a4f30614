"""`journeyman migrate`."""

import asyncio

from journeyman.cli.database import opened
from journeyman.config import Settings
from journeyman.store import schema


def migrate(settings: Settings) -> None:
    """Upgrade the schema. Raises Problem."""
    asyncio.run(_migrate(settings))
    print(f"The database is up to date (revision {schema.HEAD}).")


async def _migrate(settings: Settings) -> None:
    async with opened(settings):
        pass
