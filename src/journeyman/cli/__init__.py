"""The command line."""

import sys


def main() -> None:
    """The entry point of `journeyman`."""
    from journeyman.cli.commands import app  # noqa: PLC0415 - keeps the import of the package free of effects

    sys.exit(app())
