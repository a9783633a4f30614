"""An image from an OCI layout (directory or tar) or from a tar of a root directory."""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from journeyman.sandboxes.local import oci
from journeyman.sandboxes.local.archive import BROKEN, add_layer, broken, check_room, open_tar, total_size, write_tree
from journeyman.sandboxes.local.furniture import ALWAYS, FOR_APT, pack
from journeyman.sandboxes.local.images import Image, Images, Made
from journeyman.sandboxes.local.namespace import ImageFailed, Namespace
from journeyman.sandboxes.local.tree import FileTree

_UNPACK = ["tar", "-x", "--numeric-owner", "--same-owner", "--same-permissions", "-C", "rootfs"]
_BASH = re.compile(rb"@\(#\)Bash version (\d+)\.(\d+)")
_OLDEST_BASH = (5, 1)
_SHOWN = 5

Tell = Callable[[str], None]


def import_image(images: Images, name: str, path: Path, tell: Tell) -> Image:
    """Raises ImageFailed, also when there is one of that name."""
    if images.find(name):
        raise ImageFailed(f"There is an image {name!r} already: remove it first (journeyman images remove {name}).")
    return images.make(name, lambda within: _fill(images, path, within, tell))


def _fill(images: Images, path: Path, within: Namespace, tell: Tell) -> Made:
    tree = FileTree()
    try:
        digest = _read(tree, path, images.path, tell)
        for refused in tree.refused[:_SHOWN]:
            tell(f"left out {refused}")
        if len(tree.refused) > _SHOWN:
            tell(f"left out {len(tree.refused) - _SHOWN} more entries")
        _check(tree)
        _furnish(tree)
        check_room(images.path, total_size(tree))
        tell("unpacking")
        within.run(_UNPACK, feed=lambda out: write_tree(tree, out))
    except tarfile.TarError as error:
        raise broken(path.name, error) from error
    except OSError as error:
        raise ImageFailed(f"{error.filename or path}: {error.strerror or error}.") from error
    return Made(f"imported from {path.name}", digest)


def _read(tree: FileTree, path: Path, place: Path, tell: Tell) -> str:
    """Fill the tree; the digest of what was read."""
    if path.is_dir():
        open_file = oci.in_directory(path)
        if not oci.is_layout(open_file):
            raise ImageFailed(f"{path} is no OCI layout: it has no file oci-layout. Pack a root directory with tar.")
        return _read_layers(tree, open_file, place, tell)
    tell(f"reading {path.name}")
    packed = path.open("rb")  # read from as long as the tree is
    digest = hashlib.file_digest(packed, "sha256").hexdigest()
    packed.seek(0)
    archive = open_tar(packed, path.name, place)
    try:
        open_file = oci.in_archive(archive)
    except (*BROKEN, ValueError) as error:
        raise broken(path.name, error) from error
    if oci.is_layout(open_file):
        return _read_layers(tree, open_file, place, tell)
    add_layer(tree, archive, path.name)
    return digest


def _read_layers(tree: FileTree, open_file: oci.Open, place: Path, tell: Tell) -> str:
    digests: list[str] = []
    for digest, content in oci.layers(open_file):
        digests.append(digest)
        tell(f"reading layer {len(digests)}, {digest[:19]}")
        what = f"Layer {digest[:19]}"
        add_layer(tree, open_tar(content, what, place), what)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _check(tree: FileTree) -> None:
    """That it suits a sandbox. Raises ImageFailed."""
    bash = tree.find("bin/bash")
    if bash is None or bash.archive is None:
        raise ImageFailed("The image has no /bin/bash, and a sandbox's shell is bash 5.1 or later.")
    with _content(bash.archive, bash.info) as file:
        found = _BASH.search(file.read())
    if found and (int(found[1]), int(found[2])) < _OLDEST_BASH:
        raise ImageFailed(f"The image's bash is {found[1].decode()}.{found[2].decode()}: a sandbox needs 5.1 or later.")
    for name in ("bin", "lib"):
        link = tree.find(name, follow=False)
        if link is None or not link.info.issym():
            raise ImageFailed(f"The image's /{name} is no link to /usr/{name}: a sandbox needs a merged /usr.")


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file
    return file


def _furnish(tree: FileTree) -> None:
    """Add what is ours as the last layer; an image's own directories stay as they are."""
    pieces = ALWAYS + (FOR_APT if tree.find("usr/bin/apt-get") else ())
    missing = [piece for piece in pieces if piece.text is not None or tree.find(piece.path) is None]
    refused = len(tree.refused)
    tree.add_layer(tarfile.open(fileobj=io.BytesIO(pack(missing))))  # noqa: SIM115 - the tree keeps it
    if tree.refused[refused:]:
        raise ImageFailed(f"The image does not suit a sandbox, which needs {tree.refused[refused]}.")
