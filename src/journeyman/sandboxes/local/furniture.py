"""What every image gets besides its own files, so that it suits a sandbox."""

import io
import tarfile
from collections.abc import Iterable
from typing import NamedTuple


class Piece(NamedTuple):
    """A directory, or a file with its text."""

    path: str
    mode: int = 0o755
    text: str | None = None


# A sandbox's root is a user without privileges, whose fsyncs are slow, and nothing in it is booted.
_APT = """// Written by Journeyman.
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Dpkg::Use-Pty "0";
"""
_POLICY = "#!/bin/sh\n# Written by Journeyman: installing a package starts no service.\nexit 101\n"

OWN_ETC = {
    "hostname": "sandbox\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
    "resolv.conf": "nameserver 198.18.0.1\noptions timeout:2 attempts:2\n",
}
"""What a sandbox has of its own in /etc whatever its image says; users and groups are the image's."""

ALWAYS = (
    *(Piece(path) for path in ("dev", "proc", "sys", "run", "run/journeyman", "home", "mnt", "mnt/session")),
    *(Piece(path) for path in ("mnt/session/outputs", "opt", "opt/npm", "opt/npm/bin", "opt/npm/lib", "workspace")),
    Piece("root", 0o700),
    Piece("tmp", 0o1777),
    Piece("var/tmp", 0o1777),
    *(Piece(f"etc/{name}", 0o644, text) for name, text in OWN_ETC.items()),
)
FOR_APT = (
    Piece("etc/apt/apt.conf.d/90journeyman", 0o644, _APT),
    Piece("etc/dpkg/dpkg.cfg.d/90journeyman", 0o644, "force-unsafe-io\n"),
    Piece("usr/sbin/policy-rc.d", 0o755, _POLICY),
)


def pack(pieces: Iterable[Piece]) -> bytes:
    """A tar archive of them, for the image's root user."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for piece in pieces:
            info = tarfile.TarInfo(piece.path)
            data = (piece.text or "").encode()
            info.mode, info.size = piece.mode, len(data)
            info.type = tarfile.DIRTYPE if piece.text is None else tarfile.REGTYPE
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()
