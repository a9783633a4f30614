"""Directories of the host's that a sandbox sees read-only, filled while it runs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from journeyman.sandboxes.local import record
from journeyman.sandboxes.local.directory import Directory


def prepare(directory: Directory) -> list[tuple[str, str]]:
    """Have a directory for each share; what is mounted where, from the sandbox's directory on."""
    shares = record.load(directory.record).spec.shares
    for name, _ in shares:
        _make(_place(directory, name))
    return [(f"shared/{name}", path) for name, path in shares]


def fill(directory: Directory, name: str, files: Mapping[str, bytes]) -> None:
    """In place, as mounts show what was mounted; each file is there whole or not at all."""
    place = _place(directory, name)
    _make(place)
    for path, data in files.items():
        target = place / path
        if target.is_dir():
            shutil.rmtree(target)
        for above in reversed(target.parents[: len(Path(path).parts) - 1]):
            if not above.is_dir():
                above.unlink(missing_ok=True)
                _make(above)
        if not target.exists() or target.read_bytes() != data:
            staged = directory.path / "shared" / ".staged"
            staged.write_bytes(data)
            staged.chmod(0o644)
            staged.rename(target)
    _remove_others(place, set(files))


def _remove_others(place: Path, wanted: set[str]) -> None:
    for above, _, names in os.walk(place, topdown=False):
        for name in names:
            path = Path(above, name)
            if str(path.relative_to(place)) not in wanted:
                path.unlink()
        if Path(above) != place and not any(Path(above).iterdir()):
            Path(above).rmdir()


def _place(directory: Directory, name: str) -> Path:
    return directory.path / "shared" / name


def _make(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for each in (place.parent, place):
        each.chmod(0o755)
