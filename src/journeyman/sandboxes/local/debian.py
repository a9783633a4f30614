"""The base images that are made of Debian packages, from where the host's own apt gets its packages."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from journeyman.sandboxes.local.furniture import ALWAYS, FOR_APT, pack
from journeyman.sandboxes.local.images import Image, Images, Made
from journeyman.sandboxes.local.namespace import ImageFailed, Namespace
from journeyman.sandboxes.local.software import EXTRAS, FULL, MINIMAL

PREFERRED = "trixie"
"""Its versions are nearest to the reference's."""
_FORMAT = "$(SITE)|$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(SIGNED_BY)|$(ORIGIN)"
_APT_HELPER = "/usr/lib/apt/apt-helper"
_APT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_VENV = 'chroot "$1" python3 -m venv --system-site-packages /opt/venv'
_CLEAN = 'rm -rf "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/debconf/*-old "$1"/root/.cache'
_TELLING = re.compile(r"[IWE]: |(Get|Err|Unpacking|Setting up)\b")

Tell = Callable[[str], None]


class Source(NamedTuple):
    """One line of sources.list, as apt understands it."""

    site: str
    release: str
    codename: str
    component: str
    signed_by: str
    origin: str

    def line(self) -> str:
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{_without_secrets(self.site)} {self.release} {self.component}"


def build(images: Images, name: str, extras: Sequence[str], tell: Tell) -> Image:
    """`debian-min`, or `debian` with what `extras` add; at once when it is there. Raises ImageFailed."""
    packages = _packages(name, extras)
    if not images.find(name) and not shutil.which("mmdebstrap", path=_APT["PATH"]):
        raise ImageFailed("Debian images are made by mmdebstrap, which is not here: apt-get install mmdebstrap.")
    try:
        return images.make(name, lambda within: _fill(name, packages, within, tell))
    except OSError as error:
        raise ImageFailed(f"{error.filename or images.path}: {error.strerror or error}.") from error


def sources() -> list[Source]:
    """What the host's apt gets packages from, for the preferred release where its site has that.

    Raises ImageFailed.
    """
    own = _own_sources()
    if not own:
        raise ImageFailed(
            "Debian images are made from the sources of this machine's apt, and it has none (run apt-get update). "
            "An image made elsewhere can be taken over: journeyman images import NAME PATH."
        )
    first = own[0]
    if first.origin == "Debian" and first.codename != PREFERRED and _has(first.site, PREFERRED):
        debian = [source for source in own if source.origin == "Debian"]
        return [source._replace(release=source.release.replace(first.codename, PREFERRED, 1)) for source in debian]
    return [source for source in own if source.origin == first.origin]


def parse_sources(listing: str) -> list[Source]:
    """What `apt-get indextargets` printed, without doubles; the main archive first."""
    found: list[Source] = []
    for line in listing.splitlines():
        parts = line.split("|")
        if len(parts) != len(Source._fields) or urlsplit(parts[0]).scheme not in ("http", "https"):
            continue
        source = Source(*("" if part.startswith("$(") else part for part in parts))
        if source not in found:
            found.append(source)
    return sorted(found, key=lambda source: source.release != source.codename or "-" in source.release)


def _packages(name: str, extras: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(extras) - set(EXTRAS))
    if unknown:
        raise ImageFailed(f"There is no {unknown[0]!r} to add: it is one of {', '.join(EXTRAS)}.")
    if name == "debian":
        return tuple(package for part in (FULL, *(EXTRAS[extra] for extra in sorted(set(extras)))) for package in part)
    if name == "debian-min" and not extras:
        return MINIMAL
    if name == "debian-min":
        raise ImageFailed("Only `debian` takes additions.")
    raise ImageFailed(f"{name!r} is not an image that can be built: it is debian-min or debian.")


def _fill(name: str, packages: tuple[str, ...], within: Namespace, tell: Tell) -> Made:
    found = sources()
    release = found[0].release
    tell(f"{name}: {release}, {len(packages)} packages and what they need")
    lines = "".join(f"{source.line()}\n" for source in found).encode()
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(packages)}", '--aptopt=APT::Sandbox::User "root"']
    command += ['--aptopt=APT::Install-Recommends "false"', "--dpkgopt=force-unsafe-io"]
    command += [f"--customize-hook={_VENV}", f"--customize-hook={_CLEAN}", release, "rootfs", "-"]
    within.run(command, feed=lambda out: _write(out, lines), tell=lambda line: _progress(line, tell))
    tar = ["tar", "-x", "--no-overwrite-dir", "-C", "rootfs"]
    within.run(tar, feed=lambda out: _write(out, pack(ALWAYS + FOR_APT)))
    return Made(f"{release} with {len(packages)} packages", _digest(within))


def _digest(within: Namespace) -> str:
    """Of the installed packages and what is ours: the same ones give the same image."""
    status: list[str] = []
    query = ["dpkg-query", "--admindir=rootfs/var/lib/dpkg", "-W", "-f", "${Package} ${Architecture} ${Version}\\n"]
    within.run(query, tell=status.append)
    digest = hashlib.sha256("\n".join(sorted(status)).encode())
    digest.update(pack(ALWAYS + FOR_APT))
    return digest.hexdigest()


def _progress(line: str, tell: Tell) -> None:
    if _TELLING.match(line):
        tell(_without_secrets(line))


def _write(out: IO[bytes], data: bytes) -> None:
    out.write(data)


def _own_sources() -> list[Source]:
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"],
            env=_APT,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return []
    return parse_sources(done.stdout)


def _has(site: str, release: str) -> bool:
    """Whether a release is there, asked by apt's own means."""
    with tempfile.TemporaryDirectory(prefix="journeyman-") as place:
        command = [_APT_HELPER, "download-file", f"{site}/dists/{release}/InRelease", str(Path(place, "InRelease"))]
        try:
            return subprocess.run(command, env=_APT, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False


def _without_secrets(text: str) -> str:
    return re.sub(r"(https?://)[^/@\s]*@", r"\1", text)
