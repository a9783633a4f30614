"""`journeyman backup` and `journeyman restore`."""

from pathlib import Path

from journeyman.app.backup import Backup, back_up
from journeyman.app.backup import restore as put_back
from journeyman.config import Settings


def backup(settings: Settings, file: Path) -> None:
    """Raises CannotStart."""
    about = back_up(settings, file)
    print(f"{file}: {file.stat().st_size / 1e6:,.1f} MB. It holds keys in plain text: keep it as you keep those.")
    _say_what_is_missing(about, "Not in it")


def restore(settings: Settings, file: Path) -> None:
    """Raises CannotStart."""
    about = put_back(settings, file)
    print(f"{settings.data_dir()} is as it was at {about.created} (Journeyman {about.version}).")
    _say_what_is_missing(about, "Not restored")


def _say_what_is_missing(about: Backup, missing: str) -> None:
    if not about.has_database:
        print(f"{missing}: the Postgres database, which pg_dump and pg_restore take care of.")
    if about.provider == "docker":
        print(f"{missing}: the files of sandboxes, which are the container engine's.")
