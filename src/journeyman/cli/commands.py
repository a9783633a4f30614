"""serve · run · demo · keys · doctor."""

from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from journeyman.cli.server import listen
from journeyman.cli.server import serve as run_server
from journeyman.config import Settings, load_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Configuration file (default: journeyman.toml).")]


@app.command()
def serve(
    host: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
    database_url: str | None = None,
    config: ConfigFile = None,
) -> None:
    """Run the server."""
    settings = _settings(config, host=host, port=port, data_dir=data_dir, database_url=database_url)
    listener = listen(settings.server.host, settings.server.port)

    def ready(_up: Any, url: str) -> None:
        print(f"Journeyman listens on {url}", flush=True)

    uvloop.run(run_server(settings, listener, ready))


def _settings(config: Path | None, **given: Any) -> Settings:
    server = {key: value for key, value in given.items() if value is not None and key != "database_url"}
    overrides: dict[str, Any] = {"server": server} if server else {}
    if given.get("database_url"):
        overrides["database"] = {"url": given["database_url"]}
    return load_settings(config, overrides)


@app.callback()
def _root() -> None:  # pyright: ignore[reportUnusedFunction]
    """Journeyman: a self-hosted server for managed agents."""
