"""What of the sandboxes' directory is kept in a backup, and what it takes to go on from one."""

from pathlib import Path

from journeyman.sandboxes.local import state

PASSING = (
    "sandboxes/lock",
    "sandboxes/layers.lock",
    "sandboxes/rt",
    "sandboxes/gone-*",
    "sandboxes/*/config.json",
    "sandboxes/*/io",
    "sandboxes/*/lock",
    "sandboxes/*/log",
    "sandboxes/*/pid",
    "sandboxes/*/servers",
    "egress/attached",
    "egress/ca.lock",
    "egress/control",
    "egress/errors",
    "egress/lock",
    "egress/log",
    "images/.*",
)
"""What belongs to processes that run, as patterns of paths in the data directory. The rest is kept: files, layers of
packages and snapshots, base images, the shells' memory, what runs gave, and the authority that sandboxes trust."""


def settle_restored(data_dir: Path) -> None:
    """The processes that the sandboxes had are not theirs any more, though they may live: where the backup was made."""
    for path in (data_dir / "sandboxes").glob("[0-9]*/state.json"):
        state.save(path, None)
