"""Small images for tests: root directories as tars, and OCI layouts around them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import zstandard

Entry = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"", mode: int = 0o644, uid: int = 0) -> Entry:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.uid = len(data), mode, uid
    return info, data


def directory(name: str, mode: int = 0o755) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def link(name: str, target: str, *, hard: bool = False) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.LNKTYPE if hard else tarfile.SYMTYPE, target
    return info, b""


def device(name: str, kind: bytes = tarfile.CHRTYPE) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.devmajor, info.devminor = kind, 1, 3
    return info, b""


def tar(entries: Iterable[Entry]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def smallest() -> list[Entry]:
    """What an image needs at least, with the machine's own bash."""
    bash = Path("/bin/bash").read_bytes()
    merged = [link(name, f"usr/{name}") for name in ("bin", "lib")]
    return [directory("usr"), directory("usr/bin"), directory("usr/lib"), *merged, file("usr/bin/bash", bash, 0o755)]


def layout(target: Path, layers: Iterable[bytes], *, compress: str = "gzip", architecture: str | None = None) -> Path:
    """An OCI layout as a directory."""
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return f"sha256:{digest}"

    pack = {"gzip": gzip.compress, "zstd": zstandard.compress, "none": bytes}[compress]
    manifest = {"schemaVersion": 2, "layers": [{"digest": put(pack(layer))} for layer in layers]}
    entry: dict[str, object] = {"digest": put(json.dumps(manifest).encode())}
    if architecture:
        entry["platform"] = {"os": "linux", "architecture": architecture}
    (target / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (target / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return target
