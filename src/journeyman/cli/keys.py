"""`journeyman keys`: on the database, whether a server runs or not."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from journeyman.app.data_dir import first_key
from journeyman.app.keys import WORKSPACE
from journeyman.cli.database import opened
from journeyman.cli.problem import Problem
from journeyman.config import Settings
from journeyman.store.keys import Keys


def create(settings: Settings, name: str) -> None:
    """The secret goes to standard output, alone, so that a script can take it. Raises Problem."""
    if not name.strip():
        raise Problem("A key needs a name: journeyman keys create NAME.")
    key_id, secret = asyncio.run(_create(settings, name))
    print(secret)
    _hint(f"{key_id} ({name}): the key is not shown again.")


def show(settings: Settings) -> None:
    file = settings.database_url().removeprefix("sqlite:///")
    # A look makes no database.
    missing = "://" not in file and not Path(file).exists()
    rows: Sequence[Mapping[str, Any]] = () if missing else asyncio.run(_list(settings))
    if not rows:
        _hint("There are no keys yet: `journeyman serve` makes the first one.")
    for row in rows:
        print(f"{row['id']}  {_day(row['created_at'])}  {row['hint']}  {_state(row):<20}  {row['name']}")


def revoke(settings: Settings, key_id: str) -> None:
    """Raises Problem."""
    asyncio.run(_revoke(settings, key_id))
    print(f"Revoked {key_id}.")


async def _create(settings: Settings, name: str) -> tuple[str, str]:
    async with opened(settings) as database:
        return await Keys(database).create(WORKSPACE, name)


async def _list(settings: Settings) -> Sequence[Mapping[str, Any]]:
    async with opened(settings) as database:
        return await Keys(database).list()


async def _revoke(settings: Settings, key_id: str) -> None:
    async with opened(settings) as database:
        keys = Keys(database)
        for secret in settings.server.api_keys:
            if await _is(keys, secret, key_id):
                raise Problem(f"{key_id} stands in the configuration (server.api_keys): take it out there first.")
        file = first_key(settings)
        is_first = file.exists() and await _is(keys, file.read_text().strip(), key_id)
        if not await keys.revoke(key_id):
            raise Problem(f"There is no living key {key_id}; `journeyman keys list` shows all.")
        if is_first:
            file.unlink()  # the next start makes another


async def _is(keys: Keys, secret: str, key_id: str) -> bool:
    row = await keys.find(secret)
    return row is not None and row["id"] == key_id


def _state(row: Mapping[str, Any]) -> str:
    return f"revoked {_day(row['revoked_at'])}" if row["revoked_at"] else "in use"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m-%d}"


def _hint(text: str) -> None:
    print(text, file=sys.stderr)
