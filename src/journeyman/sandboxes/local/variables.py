"""Environment variables of a sandbox's programs, as every new shell of it reads them."""

import shlex

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.bundle import OWN_VARIABLES
from journeyman.sandboxes.local.directory import Directory

_FILE = "variables"


def put(directory: Directory) -> None:
    """Into the directory that the sandbox sees read-only, where there is one. Those of the sandbox itself stay."""
    if not directory.io.is_dir():
        return
    wanted = record.load(directory.record).spec.variables
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in wanted if name not in OWN_VARIABLES]
    staged = directory.io / f".{_FILE}.new"
    staged.write_text("".join(lines))
    staged.chmod(0o644)
    staged.rename(directory.io / _FILE)
