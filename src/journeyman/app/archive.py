"""Archives of a data directory, by GNU tar: owners, sparse files, extended attributes and device nodes as they are."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from journeyman.app.refusals import CannotStart

_FAITHFUL = [
    "--numeric-owner",
    "--sparse",
    "--xattrs",
    "--xattrs-include=user.*",
    "--xattrs-include=trusted.*",
    "--xattrs-include=security.capability",
]
_CHANGED = 1
"""tar's exit code when files changed while it read them: those of sandboxes at work do."""


class ArchiveFailed(CannotStart):
    """tar could not do it; the message ends with what it said."""


def pack(file: Path, parts: Sequence[tuple[Path, str]], left_out: Sequence[str]) -> None:
    """Write an archive of each path relative to its directory, except what a pattern of `left_out` matches.

    Patterns are anchored, and `*` ends at a slash. What cannot be a file (a socket) is passed over.
    """
    excluded = [f"--exclude=./{pattern}" for pattern in left_out]
    places = [word for directory, path in parts for word in ("-C", str(directory), path)]
    options = ["--one-file-system", "--anchored", "--wildcards", "--no-wildcards-match-slash", *excluded]
    _tar(["--create", "--file", str(file), *_FAITHFUL, *options, *places], allowed=(0, _CHANGED))


def unpack(file: Path, directory: Path) -> None:
    options = ["--preserve-permissions", "--delay-directory-restore"]
    _tar(["--extract", "--file", str(file), *_FAITHFUL, *options, "-C", str(directory)], allowed=(0,))


def _tar(arguments: list[str], *, allowed: Sequence[int]) -> None:
    command = ["tar", *arguments]
    if os.geteuid() != 0 and _has_subordinate_ids():
        # Files of a sandbox's other users belong to subordinate ids, which only a namespace has at hand.
        command = [*_NAMESPACE, *command]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode not in allowed:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise ArchiveFailed(f"tar failed: {last}")


_NAMESPACE = ["unshare", "--user", "--map-root-user", "--map-auto", "--"]


def _has_subordinate_ids() -> bool:
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
