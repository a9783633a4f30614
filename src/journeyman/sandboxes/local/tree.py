"""The files of an image as a tree in memory, from one or more layers of tar entries; nothing leads out of it."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LINKS = 40
"""How many symbolic links a path may lead through, as in the kernel."""


@dataclass(slots=True, eq=False)
class Node:
    """A directory, a regular file or a symbolic link. Hard links are one node in several places."""

    info: tarfile.TarInfo
    archive: tarfile.TarFile | None
    """Where a file's bytes are."""
    layer: int
    children: dict[str, "Node"] = field(default_factory=dict[str, "Node"])


class Refused(Exception):
    """An entry that no image may have; the message says why."""


class FileTree:
    """Grows by layers, the lowest first."""

    def __init__(self) -> None:
        self.root = Node(_directory("."), None, 0)
        self.refused: list[str] = []
        """Entries that were left out, and why."""
        self._layer = 0

    def add_layer(self, archive: tarfile.TarFile) -> None:
        """Raises tarfile.TarError, OSError and EOFError for a broken archive."""
        self._layer += 1
        members = archive.getmembers()
        # First what the layer hides of those below it: its own entries of the same names are not meant.
        for hides in (True, False):
            for info in members:
                if _is_whiteout(info) == hides:
                    self._try(info, archive, hides=hides)

    def put(self, info: tarfile.TarInfo, archive: tarfile.TarFile | None) -> None:
        """Raises Refused."""
        *above, name = _parts(info.name) or ["."]
        if name == "." and not info.isdir():
            raise Refused("the root itself is no file")
        parent = self._enter(above)
        if info.isdir():
            self._put_directory(parent, name, info)
        elif info.islnk():
            target = self.find(info.linkname, follow=False)
            if target is None or target.info.isdir():
                raise Refused(f"a hard link to {info.linkname!r}, which is not there")
            parent.children[name] = target
        elif info.isreg() or info.issym():
            parent.children[name] = Node(info, archive if info.isreg() else None, self._layer)
        else:
            raise Refused("neither file, directory nor link")

    def find(self, path: str, *, follow: bool = True) -> Node | None:
        """What a path leads to within the tree."""
        try:
            parts = _parts(path)
            if not parts:
                return self.root
            parent = self._enter(parts[:-1], make=False)
            found = parent.children.get(parts[-1])
            if found is None or not follow or not found.info.issym():
                return found
            return self._enter(parts, make=False, last=True)
        except Refused:
            return None

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every path but the root's, directories before what they hold."""
        waiting = [("", self.root)]
        while waiting:
            above, node = waiting.pop()
            for name, child in sorted(node.children.items()):
                path = f"{above}{name}"
                yield path, child
                if child.info.isdir():
                    waiting.append((f"{path}/", child))

    def _try(self, info: tarfile.TarInfo, archive: tarfile.TarFile, *, hides: bool) -> None:
        try:
            if hides:
                self._hide(info)
            else:
                self.put(info, archive)
        except Refused as reason:
            self.refused.append(f"{info.name!r}: {reason}")

    def _put_directory(self, parent: Node, name: str, info: tarfile.TarInfo) -> None:
        old = self.root if name == "." else parent.children.get(name)
        if old is not None and old.info.isdir():
            old.info, old.layer = info, self._layer
        else:
            parent.children[name] = Node(info, None, self._layer)

    def _hide(self, info: tarfile.TarInfo) -> None:
        *above, name = _parts(info.name)
        found = self.find("/".join(above))
        if found is None or not found.info.isdir():
            return
        if name == _OPAQUE:
            found.children.clear()
        else:
            found.children.pop(name.removeprefix(_WHITEOUT), None)

    def _enter(self, parts: list[str], *, make: bool = True, last: bool = False) -> Node:
        """The directory (with `last` whatever it is) at a path, links followed within the tree."""
        trail = [self.root]
        waiting = list(reversed(parts))
        links = 0
        while waiting:
            name = waiting.pop()
            if name == "..":  # only links bring it
                trail = trail[:-1] or trail
                continue
            child = trail[-1].children.get(name)
            if child is None:
                if not make:
                    raise Refused(f"there is no {name!r}")
                child = trail[-1].children[name] = Node(_directory(name), None, self._layer)
            if child.info.issym():
                links += 1
                if links > _LINKS:
                    raise Refused("links that lead in a circle")
                target = child.info.linkname
                trail = [self.root] if target.startswith("/") else trail
                waiting.extend(part for part in reversed(target.split("/")) if part not in ("", "."))
            elif child.info.isdir():
                trail.append(child)
            elif last and not waiting:
                return child
            else:
                raise Refused(f"{name!r} above it is a file")
        return trail[-1]


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise Refused("its path leads upwards")
    return parts


def _is_whiteout(info: tarfile.TarInfo) -> bool:
    return info.name.rpartition("/")[2].startswith(_WHITEOUT)


def _directory(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info
