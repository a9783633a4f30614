"""What a new sandbox has besides its image: directories, a few files of /etc, authorities that it trusts."""

import io
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from journeyman.sandboxes.docker.engine import Engine
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.layers import Layer
from journeyman.sandboxes.local.rootfs import build

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
_LARGEST = 8 << 20
_LINKS = 8
_OF_IMAGES = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libx32", "var/run"})
"""Directories in one image, links in another."""


@dataclass(frozen=True, slots=True)
class Model:
    """What has to be known of an image: its bundle of authorities, and the programs that are its Python."""

    bundle: bytes | None
    programs: tuple[tuple[str, str | None], ...]
    """Paths, with what they lead to where they are links."""


async def model_of(engine: Engine, container: str) -> Model:
    """Of the image of a container that has not run."""
    programs: dict[str, str | None] = {}
    for python in _PYTHONS:
        path = python
        for _ in range(_LINKS):
            target = await engine.link(container, path)
            if target is None:
                break
            is_link = target not in {"", path}  # podman says of a file that it leads to itself
            programs[path] = target if is_link else None
            if not is_link:
                break
            path = _led(path, target)
    return Model(await engine.file(container, _BUNDLE, _LARGEST), tuple(programs.items()))


def _led(path: str, link: str) -> str:
    return os.path.normpath(PurePosixPath(path).parent / link)


def furniture(model: Model, workdir: str, certificate: str) -> bytes:
    """A tar for the sandbox's root. `certificate` (PEM) is trusted besides the usual ones."""
    with tempfile.TemporaryDirectory(prefix="journeyman-") as place:
        image, made = Path(place, "image"), Directory(Path(place, "0"))
        made.path.mkdir()
        _write(image, model)
        owner = os.geteuid(), os.getegid()
        build(made, owner, workdir, None, Layer(image, owner[0]), certificate)
        return _packed(made.files)


def _write(image: Path, model: Model) -> None:
    """As much of the image as is looked at."""
    bundle = image / _BUNDLE.lstrip("/")
    bundle.parent.mkdir(parents=True)
    if model.bundle is not None:
        bundle.write_bytes(model.bundle)
    for path, target in model.programs:
        file = image / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if target is None:
            file.touch()
        else:
            file.symlink_to(target)


def _packed(files: Path) -> bytes:
    def kept(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return None if info.name in _OF_IMAGES else info

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for entry in sorted(files.iterdir()):
            archive.add(entry, entry.name, filter=kept)
        end = archive.offset + 2 * tarfile.BLOCKSIZE
    # Not filled up to a whole record: what reads it for podman may stop at its end, and podman then fails at the rest.
    return packed.getvalue()[:end]
