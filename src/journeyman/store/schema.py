"""Brings a database's schema up to date with alembic, which is imported only when there is something to do."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

HEAD = "0011"
"""The newest revision in `migrations/versions`."""

_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(Exception):
    """A later release has migrated the database; the message says so."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"The database is of a later version of Journeyman (revision {revision}).")


def is_known(revision: str | None) -> bool:
    """Whether this release can bring a database of this revision up to date."""
    return revision is None or any((_MIGRATIONS / "versions").glob(f"{revision}_*.py"))


def current(engine: Engine) -> str | None:
    """The revision the database stands at, None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine) -> None:
    """Upgrade to HEAD. Concurrent callers on Postgres wait for each other. Raises NewerSchema."""
    revision = current(engine)
    if revision == HEAD:
        return
    if revision is not None and not is_known(revision):
        raise NewerSchema(revision)
    from alembic import command  # noqa: PLC0415 - slow to import, needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7163001)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
