"""The seam between the store's SQL and a database: run a function on a connection, in one transaction.

Backends: `sqlite.py` (embedded) and `postgres.py` (many machines). All statements are SQLAlchemy Core and run on both.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """Conformance: `tests/store`, run on every backend."""

    dialect: str

    async def open(self) -> None:
        """Connect, and bring the schema up to date."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own; committed and durable when this returns, undone when it raises."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent, committed view."""
        ...

    async def close(self) -> None: ...
