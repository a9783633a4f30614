"""`journeyman images …`; the code is imported when a command is called."""

from pathlib import Path
from typing import Annotated

import typer

from journeyman.cli.options import ConfigFile, DataDir, settings_from

images = typer.Typer(no_args_is_help=True, help="What the computers of agents have installed.")

ImageName = Annotated[str, typer.Argument(metavar="NAME")]


@images.command("build")
def build_image(
    name: Annotated[str, typer.Argument(metavar="NAME", help="debian, or debian-min.")] = "debian",
    extras: Annotated[str, typer.Option("--with", help="Also: office, tex, browser; separated by commas.")] = "",
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Make an image from Debian packages: about 3 minutes and 4 GB for `debian`."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.images import build  # noqa: PLC0415

    build(settings, name, extras)


@images.command("import")
def import_image(
    name: ImageName,
    path: Annotated[Path, typer.Argument(help="An OCI layout (directory or tar), or a tar of a root directory.")],
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Take over an image that was made elsewhere."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.images import take_over  # noqa: PLC0415

    take_over(settings, name, path)


@images.command("list")
def list_images(data_dir: DataDir = None, config: ConfigFile = None) -> None:
    """All images."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.images import show  # noqa: PLC0415

    show(settings)


@images.command("remove")
def remove_image(name: ImageName, data_dir: DataDir = None, config: ConfigFile = None) -> None:
    """Delete an image that no sandbox needs any more."""
    settings = settings_from(config, data_dir=data_dir)
    from journeyman.cli.images import remove  # noqa: PLC0415

    remove(settings, name)
