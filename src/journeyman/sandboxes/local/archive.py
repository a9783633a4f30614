"""Tar archives: reading compressed ones, and writing a tree as one that is safe to unpack."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO, cast

import zstandard

from journeyman.sandboxes.local.namespace import ImageFailed
from journeyman.sandboxes.local.tree import FileTree, Node

_CHUNK = 1 << 20
_SPARE = 1 << 30
"""Bytes that unpacking leaves free on the disk."""
_IDS = 65_535
BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile)


def open_tar(packed: IO[bytes], what: str, place: Path) -> tarfile.TarFile:
    """A tar archive, whatever it is compressed with, that can be read in any order. It keeps `packed` open.

    What it is unpacked to is a nameless file in `place`. Raises ImageFailed, and OSError.
    """
    try:
        plain = _plain(packed, place)
        return tarfile.open(fileobj=plain, mode="r:", errorlevel=2)
    except BROKEN as error:
        raise broken(what, error) from error


def add_layer(tree: FileTree, archive: tarfile.TarFile, what: str) -> None:
    """Raises ImageFailed, and OSError."""
    try:
        tree.add_layer(archive)
    except (*BROKEN, ValueError) as error:
        raise broken(what, error) from error


def broken(what: str, error: Exception) -> ImageFailed:
    return ImageFailed(f"{what} is no whole tar archive (plain, gzip, zstd, xz or bzip2): {error}.")


def write_tree(tree: FileTree, out: IO[bytes]) -> None:
    """The tree as a plain tar: each path once, directories first, nothing below a link, no other kinds."""
    names: dict[int, str] = {}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for path, node in tree.walk():
            info = _header(path, node)
            first = names.setdefault(id(node), path)
            if first != path and node.info.isreg():
                info.type, info.linkname, info.size = tarfile.LNKTYPE, first, 0
            if info.isreg() and node.archive is not None:
                with cast("IO[bytes]", node.archive.extractfile(node.info)) as content:
                    archive.addfile(info, content)
            else:
                archive.addfile(info)


def total_size(tree: FileTree) -> int:
    """Bytes of all files."""
    seen = {id(node): node.info.size for _, node in tree.walk() if node.info.isreg()}
    return sum(seen.values())


def check_room(place: Path, needed: int) -> None:
    """Raises ImageFailed."""
    free = shutil.disk_usage(place).free
    if needed > free - _SPARE:
        raise ImageFailed(
            f"The image needs {needed >> 20} MB, and only {free >> 20} MB are free at {place}, "
            f"of which {_SPARE >> 20} MB are to stay free. Make room there, or choose another data directory."
        )


def _header(path: str, node: Node) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    old = node.info
    info.type = tarfile.DIRTYPE if old.isdir() else tarfile.SYMTYPE if old.issym() else tarfile.REGTYPE
    info.mode, info.mtime, info.linkname = old.mode & 0o7777, max(0, int(old.mtime)), old.linkname
    info.size = old.size if old.isreg() else 0
    # Ids beyond a sandbox's own are those of nobody.
    info.uid, info.gid = (number if 0 <= number < _IDS else _IDS - 1 for number in (old.uid, old.gid))
    return info


def _plain(packed: IO[bytes], place: Path) -> IO[bytes]:
    """Raises ImageFailed when it would fill the disk."""
    magic = packed.read(6)
    packed.seek(0)
    unpacked = _decompressed(packed, magic)
    if unpacked is None:
        return packed
    target = tempfile.TemporaryFile(dir=place)  # noqa: SIM115 - the archive keeps it
    while chunk := unpacked.read(_CHUNK):
        check_room(place, len(chunk))
        target.write(chunk)
    target.seek(0)
    return target


def _decompressed(packed: IO[bytes], magic: bytes) -> IO[bytes] | None:
    """None for what is not compressed."""
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=packed))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return cast("IO[bytes]", lzma.LZMAFile(packed))
    if magic.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.BZ2File(packed))
    return None
