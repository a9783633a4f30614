"""What regular files there are below a directory of a sandbox. No link is followed, and no other filesystem entered."""

import contextlib
import os
import stat
from collections.abc import Iterator

from journeyman.sandboxes.local.files import open_inside, refuse_kernel_files
from journeyman.sandboxes.port import Entry, SandboxError

_DEPTH = 40


def scan(root: int, path: str, limit: int) -> list[Entry]:
    """At most `limit`, in the order of their paths."""
    try:
        directory = open_inside(root, path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return []
    try:
        refuse_kernel_files(root, directory, path)
        found = _below(directory, "", os.fstat(directory).st_dev, _DEPTH)
        return sorted(entry for _, entry in zip(range(limit), found, strict=False))
    except SandboxError:
        return []
    finally:
        os.close(directory)


def _below(directory: int, prefix: str, device: int, depth: int) -> Iterator[Entry]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:  # it went meanwhile
                continue
            name = f"{prefix}{entry.name}"
            if stat.S_ISREG(about.st_mode):
                yield Entry(name, about.st_size, about.st_mtime_ns)
            elif stat.S_ISDIR(about.st_mode) and about.st_dev == device and depth:
                with contextlib.suppress(OSError):
                    below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
                    try:
                        yield from _below(below, f"{name}/", device, depth - 1)
                    finally:
                        os.close(below)
