"""An upload of a skill: a zip or loose files, checked, and kept as a zip with one folder of the skill's name."""

import io
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from journeyman.skills.front_matter import check_name, read_front_matter
from journeyman.wire.errors import ApiError, invalid
from journeyman.wire.parse_error import quote
from journeyman.wire.skills import MOST_BYTES, too_large

_MOST_FILES = 5_000
_NO_FOLDER = "Zip must contain a top-level folder with all files inside it, including SKILL.md"
_NO_FOLDER_OF_FILES = "All files must be in the same top-level folder, which must include a SKILL.md file at its root"
_LEFT_OUT = ("__MACOSX", ".DS_Store")
_MADE = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can tell: equal skills are equal bytes."""


class File(NamedTuple):
    """`path` is relative to the skill's folder."""

    path: str
    data: bytes
    executable: bool = False


class Bundle(NamedTuple):
    """A skill's files and what its SKILL.md says of it."""

    name: str
    description: str
    files: Sequence[File]


def read_upload(parts: Sequence[tuple[str, bytes]]) -> Bundle:
    """The skill in the parts of an upload, each with its file name. Raises ApiError."""
    if not parts:
        raise invalid("files: Field required")
    if len(parts) == 1 and parts[0][1].startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _bundle(_unzipped(parts[0][1]), _NO_FOLDER)
    if len(parts) > _MOST_FILES:
        raise _too_many()
    if sum(len(data) for _, data in parts) > MOST_BYTES:
        raise too_large()
    found: dict[str, File] = {}
    for name, data in parts:
        path = _safe(name)
        if path in found:
            raise invalid(f"files: {quote(path)} is there twice")
        if not _is_litter(path):
            found[path] = File(path, data, data.startswith(b"#!"))
    return _bundle(found, _NO_FOLDER_OF_FILES)


def pack_zip(bundle: Bundle) -> bytes:
    """As it is kept and downloaded."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle.files:
            info = zipfile.ZipInfo(f"{bundle.name}/{file.path}", _MADE)
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | _mode(file)) << 16
            archive.writestr(info, file.data)
    return packed.getvalue()


def unpack_zip(data: bytes) -> Sequence[File]:
    """The files of what `pack_zip` made."""
    return [
        file._replace(path=path.partition("/")[2]) for path, file in _unzipped(data).items() if path.partition("/")[2]
    ]


def pack_tar(files: Sequence[File], folder: str) -> bytes:
    """The files below `folder`, for a sandbox."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            info = tarfile.TarInfo(f"{folder}/{file.path}")
            info.mode, info.size = _mode(file), len(file.data)
            archive.addfile(info, io.BytesIO(file.data))
    return packed.getvalue()


def _bundle(found: Mapping[str, File], no_folder: str) -> Bundle:
    folders = {path.partition("/")[0] for path in found}
    folder = next(iter(folders), "")
    if len(folders) != 1 or f"{folder}/SKILL.md" not in found:
        raise invalid(no_folder)
    head = read_front_matter(found[f"{folder}/SKILL.md"].data)
    if head.name is not None and head.name != folder:
        raise invalid(f"The folder name '{folder[:100]}' must match the skill name '{head.name}' in SKILL.md.")
    files = [file._replace(path=path.partition("/")[2]) for path, file in sorted(found.items())]
    return Bundle(check_name(folder), head.description, files)


def _unzipped(data: bytes) -> dict[str, File]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _members(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, OSError) as error:
        raise invalid(f"files: not a valid zip archive: {error}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, File]:
    entries = archive.infolist()
    if len(entries) > _MOST_FILES:
        raise _too_many()
    found: dict[str, File] = {}
    room = MOST_BYTES
    for entry in entries:
        path = _safe(entry.filename.removesuffix("/"))
        mode = entry.external_attr >> 16 if entry.create_system == 3 else 0
        if entry.is_dir() or _is_litter(path):
            continue
        if entry.flag_bits & 1:
            raise invalid(f"files: {quote(path)} is encrypted")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise invalid(f"files: {quote(path)} is not a regular file")
        if path in found:
            raise invalid(f"files: {quote(path)} is there twice")
        with archive.open(entry) as member:
            content = member.read(room + 1)  # what the entry says of its size need not be true
        room -= len(content)
        if room < 0:
            raise too_large()
        found[path] = File(path, content, bool(mode & 0o111) or content.startswith(b"#!"))
    return found


def _safe(name: str) -> str:
    """A path below the upload's root. Raises ApiError."""
    path = posixpath.normpath(name.removeprefix("./"))
    bad = not name or "\\" in name or not name.isprintable() or name.startswith("/") or ".." in name.split("/")
    if bad or path == "." or any(len(part.encode()) > 255 for part in path.split("/")) or len(path.encode()) > 1024:
        raise invalid(f"files: {quote(name[:200])} is not a path below the skill's folder")
    return path


def _is_litter(path: str) -> bool:
    return any(part in _LEFT_OUT for part in path.split("/"))


def _mode(file: File) -> int:
    return 0o755 if file.executable else 0o644


def _too_many() -> ApiError:
    return invalid(f"files: a skill can have at most {_MOST_FILES} files")
