"""The OCI image layout: from its index to the layers of the image for this machine."""

import hashlib
import json
import platform
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from journeyman.sandboxes.local.namespace import ImageFailed

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_DOCUMENT = 16 << 20
_DEPTH = 4
_CHUNK = 1 << 20

Open = Callable[[str], IO[bytes] | None]
"""Opens a file of a layout by its path in it; None when it is not there."""


def in_directory(layout: Path) -> Open:
    def open_file(name: str) -> IO[bytes] | None:
        path = layout / name
        return path.open("rb") if path.is_file() else None

    return open_file


def in_archive(layout: tarfile.TarFile) -> Open:
    members = {info.name.removeprefix("./"): info for info in layout.getmembers() if info.isreg()}

    def open_file(name: str) -> IO[bytes] | None:
        return layout.extractfile(members[name]) if name in members else None

    return open_file


def is_layout(open_file: Open) -> bool:
    return open_file("oci-layout") is not None


def layers(open_file: Open) -> Iterator[tuple[str, IO[bytes]]]:
    """Digest and content of each layer, the lowest first; contents are checked. Raises ImageFailed."""
    manifest = _manifest(open_file)
    found = cast("object", manifest.get("layers"))
    if not isinstance(found, list) or not found:
        raise ImageFailed("The OCI layout's manifest names no layers.")
    for descriptor in cast("list[object]", found):
        digest = _digest(descriptor)
        yield digest, _blob(open_file, digest)


def _manifest(open_file: Open) -> dict[str, Any]:
    index = open_file("index.json")
    if index is None:
        raise ImageFailed("The OCI layout has no index.json.")
    document = _json(index, "index.json")
    for _ in range(_DEPTH):
        if "manifests" not in document:
            return document
        digest = _digest(_choose(document))
        document = _json(_blob(open_file, digest), digest)
    raise ImageFailed("The OCI layout's indexes are nested too deeply.")


def _choose(index: dict[str, Any]) -> dict[str, Any]:
    """The manifest for this machine; one that says nothing of machines will do."""
    found = cast("object", index["manifests"])
    entries = cast("list[object]", found) if isinstance(found, list) else []
    machine = _MACHINES.get(platform.machine(), platform.machine())
    described = [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
    wanted = [entry for entry in described if _suits(entry, machine)]
    if len(wanted) == 1:
        return wanted[0]
    if wanted:
        raise ImageFailed(f"The OCI layout has {len(wanted)} images for linux/{machine}: import one with one image.")
    raise ImageFailed(f"The OCI layout has no image for linux/{machine}.")


def _suits(entry: dict[str, Any], machine: str) -> bool:
    described = cast("object", entry.get("platform"))
    if not isinstance(described, dict) or entry.get("mediaType") in _INDEXES:
        return True
    values = cast("dict[str, object]", described)
    return values.get("os") == "linux" and values.get("architecture") == machine


def _digest(descriptor: object) -> str:
    value = cast("dict[str, object]", descriptor).get("digest") if isinstance(descriptor, dict) else None
    # It becomes a path.
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ImageFailed(f"The OCI layout has a digest that is no sha256: {value!r}.")
    return value


def _blob(open_file: Open, digest: str) -> IO[bytes]:
    expected = digest.removeprefix("sha256:")
    blob = open_file(f"blobs/sha256/{expected}")
    if blob is None:
        raise ImageFailed(f"The OCI layout lacks the blob {digest}.")
    actual = hashlib.sha256()
    while chunk := blob.read(_CHUNK):
        actual.update(chunk)
    if actual.hexdigest() != expected:
        raise ImageFailed(f"The OCI layout's blob {digest} is damaged: its content has another digest.")
    blob.seek(0)
    return blob


def _json(file: IO[bytes], what: str) -> dict[str, Any]:
    with file:
        try:
            document = cast("object", json.loads(file.read(_DOCUMENT)))
        except (ValueError, RecursionError) as error:
            raise ImageFailed(f"The OCI layout's {what} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ImageFailed(f"The OCI layout's {what} is no JSON object.")
    return cast("dict[str, Any]", document)
