"""The command line."""

import sys


def main() -> None:
    """The entry point of `journeyman`."""
    from journeyman.cli.commands import app  # noqa: PLC0415 - keeps the import of the package free of effects

    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from journeyman.cli.errors import explain  # noqa: PLC0415 - only a failure needs it

        print(f"journeyman: {explain(error)}", file=sys.stderr)
        sys.exit(1)
