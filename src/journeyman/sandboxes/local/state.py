"""Which process a sandbox runs as, on disk."""

from pathlib import Path

import orjson

from journeyman.egress.identity import Process, boot_id, lives


def save(path: Path, process: Process | None) -> None:
    """None means stopped."""
    staged = path.with_suffix(".new")
    staged.write_bytes(orjson.dumps({"process": list(process) if process else None}))
    staged.rename(path)


def living(path: Path) -> Process | None:
    """The recorded process, if it still lives."""
    process = _recorded(path)
    return process if process and lives(process) else None


def is_stopped(path: Path) -> bool:
    """Whether it was ended in an orderly way."""
    return path.exists() and _recorded(path) is None


def of_earlier_boot(path: Path) -> bool:
    """Whether it ran before the machine was started anew."""
    process = _recorded(path)
    return process is not None and process.boot != boot_id()


def _recorded(path: Path) -> Process | None:
    try:
        fields = orjson.loads(path.read_bytes())["process"]
    except FileNotFoundError:
        return None
    return Process(*fields) if fields else None
