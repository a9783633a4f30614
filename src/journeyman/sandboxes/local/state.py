"""Which process a sandbox runs as, on disk."""

from pathlib import Path

import orjson

from journeyman.sandboxes.local.identity import Process, lives


def save(path: Path, process: Process | None) -> None:
    """None means stopped."""
    staged = path.with_suffix(".new")
    staged.write_bytes(orjson.dumps({"process": list(process) if process else None}))
    staged.rename(path)


def living(path: Path) -> Process | None:
    """The recorded process, if it still lives."""
    try:
        fields = orjson.loads(path.read_bytes())["process"]
    except FileNotFoundError:
        return None
    process = Process(*fields) if fields else None
    return process if process and lives(process) else None
