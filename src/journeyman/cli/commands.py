"""All commands; each one's code is imported when it is called."""

import gc
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from journeyman.cli.image_commands import images
from journeyman.cli.options import ConfigFile, DatabaseUrl, DataDir, settings_from

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys = typer.Typer(no_args_is_help=True, help="API keys of this server.")
app.add_typer(keys, name="keys")
app.add_typer(images, name="images")
vaults = typer.Typer(no_args_is_help=True, help="Secrets at rest.")
app.add_typer(vaults, name="vaults")
sandboxes = typer.Typer(no_args_is_help=True, help="The computers of agents.")
app.add_typer(sandboxes, name="sandboxes")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for any free one (default: 8000).")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="Answer requests and leave the sessions to `journeyman worker`.")
    ] = False,
) -> None:
    """Run the server."""
    settings = settings_from(config, host=host, port=port, data_dir=data_dir, database_url=database_url)
    gc.disable()  # a tenth of the start is the search for garbage among what imports make; `serve` enables it
    from journeyman.cli.serve import serve as run_server  # noqa: PLC0415

    run_server(settings, works=not api_only)


@app.command()
def worker(data_dir: DataDir = None, database_url: DatabaseUrl = None, config: ConfigFile = None) -> None:
    """Run the sessions of servers that share this database (Postgres), without answering requests."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    gc.disable()
    from journeyman.cli.worker import work  # noqa: PLC0415

    work(settings)


@app.command()
def run(
    task: Annotated[str | None, typer.Argument(help="What the agent is to do; asked for when left out.")] = None,
    model: Annotated[str | None, typer.Option(help="Model id (default: the first that is configured).")] = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Run shell commands without asking.")] = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Give an agent a task and watch it work, here in the terminal."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.run import Wanted  # noqa: PLC0415
    from journeyman.cli.run import run as run_agent  # noqa: PLC0415

    raise typer.Exit(run_agent(settings, Wanted(task, model, system, approve_all=yes)))


@app.command()
def demo(config: ConfigFile = None) -> None:
    """See the whole machine work once, with a scripted model: no key needed, nothing left behind."""
    from journeyman.cli.demo import demo as run_demo  # noqa: PLC0415

    run_demo(config)


@app.command()
def doctor(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
    self_check: Annotated[bool, typer.Option("--self-check", help="Also try a real sandbox in full.")] = False,
) -> None:
    """Check this machine and the configuration, and say how to mend what is wrong."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.doctor import doctor as examine  # noqa: PLC0415

    raise typer.Exit(0 if examine(settings, self_check=self_check) else 1)


@app.command()
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None, config: ConfigFile = None) -> None:
    """Bring the database's schema up to date (`serve` does so too)."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.migrate import migrate as bring_up_to_date  # noqa: PLC0415

    bring_up_to_date(settings)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write (tar).")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
) -> None:
    """Write everything in the data directory to a file, also while the server runs."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.backup import backup as write_backup  # noqa: PLC0415

    write_backup(settings, file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `journeyman backup` wrote.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
) -> None:
    """Make a new data directory of a backup; nothing is overwritten."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.backup import restore as read_backup  # noqa: PLC0415

    read_backup(settings, file)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
) -> None:
    """Make a key; its secret is printed once."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.keys import create  # noqa: PLC0415

    create(settings, name)


@keys.command("list")
def list_keys(data_dir: DataDir = None, database_url: DatabaseUrl = None, config: ConfigFile = None) -> None:
    """All keys, revoked ones too."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.keys import show  # noqa: PLC0415

    show(settings)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: ConfigFile = None,
) -> None:
    """Make a key worthless, within a second on a running server."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.keys import revoke  # noqa: PLC0415

    revoke(settings, key_id)


def _print_version(value: bool) -> None:
    if value:
        print(f"journeyman {version('journeyman')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Journeyman: a self-hosted server for managed agents."""


@vaults.command("reseal")
def reseal_vaults(data_dir: DataDir = None, database_url: DatabaseUrl = None, config: ConfigFile = None) -> None:
    """Bring all secrets under the newest master key, so that older ones can go."""
    settings = settings_from(config, data_dir=data_dir, database_url=database_url)
    from journeyman.cli.vaults import reseal  # noqa: PLC0415

    reseal(settings)


@sandboxes.command("stop")
def stop_sandboxes(data_dir: DataDir = None, config: ConfigFile = None) -> None:
    """End what runs in the sandboxes that a stopped server left; their files are kept."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.sandboxes import stop  # noqa: PLC0415

    stop(settings)
