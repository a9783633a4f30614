"""What stands on a base image, which is therefore not to be removed."""

from collections.abc import Collection, Sequence

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.directory import Directories
from journeyman.sandboxes.local.namespace import ImageFailed

_NAMED = 5


def recorded(found: Directories, names: Collection[str], default: str) -> list[str]:
    """The sandboxes and snapshots whose base has one of these names. `default`: the base of those that name none."""
    records = [(f"the sandbox {sandbox}", directory.record) for sandbox, directory in found.all()]
    records += [(f"the snapshot {path.stem}", path) for path in sorted(found.snapshots.glob("*.json"))]
    return [who for who, path in records if (record.load(path).spec.base or default) in names]


def refuse_if_any(name: str, users: Sequence[str], layer: str) -> None:
    """`layer`: what an environment's layer is to whoever removes it. Raises ImageFailed."""
    if users:
        more = f", and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        raise ImageFailed(
            f"The image {name!r} is in use by {', '.join(users[:_NAMED])}{more}: remove these first (a sandbox "
            f"goes with its session, an environment's layer is {layer})."
        )
