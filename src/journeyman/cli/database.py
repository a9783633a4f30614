"""The configured database, for the commands that work on it."""

import contextlib
from collections.abc import AsyncGenerator, Generator

from sqlalchemy.exc import DBAPIError

from journeyman.app.backends import open_database
from journeyman.cli.problem import Problem
from journeyman.config import Settings
from journeyman.store.database import Database
from journeyman.store.schema import NewerSchema


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Database]:
    """Open, its schema up to date; also while a server works on it. Raises Problem and CannotStart."""
    settings.data_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
    database = open_database(settings)
    with reaching_database():
        await database.open()
        try:
            yield database
        finally:
            await database.close()


@contextlib.contextmanager
def reaching_database() -> Generator[None]:
    """Raises Problem when the database does not answer, or is of a later version."""
    try:
        yield
    except NewerSchema as error:
        raise Problem(f"{error} Install that version, or restore the backup from before.") from error
    except DBAPIError as error:
        raise Problem(f"The database does not answer: {reason(error)}") from error


def reason(error: DBAPIError) -> str:
    """What the driver says, in one line."""
    return str(error.orig or error).strip().splitlines()[0]
