"""What several commands take, and the settings that follow from it."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from journeyman.cli.problem import Problem
from journeyman.config import Settings, UnknownVariable, load_settings

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Configuration file (default: journeyman.toml).")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Database, sandboxes, key (default: ~/.journeyman).")]
DatabaseUrl = Annotated[str | None, typer.Option("--database-url", help="sqlite:///… or postgresql://…")]


def settings_from(
    config: Path | None,
    *,
    host: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
    database_url: str | None = None,
    **sections: Any,
) -> Settings:
    """The configuration, with what was given on the command line on top. Raises Problem, ValidationError."""
    given = {"host": host, "port": port, "data_dir": data_dir}
    server = {key: value for key, value in given.items() if value is not None}
    overrides: dict[str, Any] = {"server": server, **sections}
    if database_url is not None:
        overrides["database"] = {"url": database_url}
    file = config or Path("journeyman.toml")
    try:
        settings = load_settings(config, overrides)
    except (FileNotFoundError, UnknownVariable) as error:
        raise Problem(str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem(f"{file} is not valid TOML: {error}") from error
    _check_database(settings.database_url())
    return settings


def _check_database(url: str) -> None:
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise Problem(
            f"The database URL must begin with sqlite:/// or postgresql://, unlike {url.partition(':')[0]!r}:…."
        )
