"""Postgres through psycopg 3: the same statements, each in a transaction on a pooled connection."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from journeyman.store import schema

T = TypeVar("T")

_OPTIONS = "-c idle_in_transaction_session_timeout=3000"
"""Milliseconds. A process that was stopped in the middle of a transaction must not keep its locks: it holds up whoever
takes over what it owned. As long as a lease."""


class PostgresDatabase:
    """A Database on a Postgres server (15 or newer)."""

    dialect = "postgresql"

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine: AsyncEngine = create_async_engine(
            self._url, pool_size=pool_size, max_overflow=0, connect_args={"options": _OPTIONS}
        )

    @property
    def conninfo(self) -> str:
        """For those who talk to libpq themselves."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def open(self) -> None:
        await asyncio.to_thread(self._migrate)

    def _migrate(self) -> None:
        engine = create_engine(self._url)
        try:
            schema.migrate(engine)
        finally:
            engine.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            # One snapshot for all statements of the work: READ COMMITTED would take a new one for each.
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()
