"""The files that a new sandbox begins with. On the `host` base: a small /etc, and everything else empty."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from journeyman.sandboxes.local import mirrors
from journeyman.sandboxes.local.directory import Directory
from journeyman.sandboxes.local.furniture import OWN_ETC
from journeyman.sandboxes.local.layers import Layer

_ETC = [
    "ImageMagick-*",
    "alternatives",
    "ca-certificates.conf",
    "debian_version",
    "fonts",
    "groff",
    "inputrc",
    "java-*",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "magic.mime",
    "maven",
    "mime.types",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "python3*",
    "perl",
    "rpc",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "vim",
    "xml",
]
"""What programs in /usr need to start; nothing that can hold a name or a secret of the host."""

_OWN_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nstaff:x:50:\nusers:x:100:\nnogroup:x:65534:\n",
    **OWN_ETC,
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "shells": "/bin/sh\n/bin/bash\n",
}
_DIRECTORIES = [
    "dev",
    "etc",
    "home",
    "media",
    "mnt",
    "mnt/session",
    "mnt/session/outputs",
    "opt",
    "opt/npm",
    "opt/npm/bin",
    "opt/npm/lib",
    "opt/venv",
    "opt/venv/bin",
    "proc",
    "root",
    "run",
    "run/journeyman",
    "run/lock",
    "srv",
    "sys",
    "tmp",
    "usr",
    "var",
    "var/cache",
    "var/lib",
    "var/log",
    "var/tmp",
]
_WRITABLE_USR = [
    "local",
    "local/bin",
    "local/etc",
    "local/include",
    "local/lib",
    "local/sbin",
    "local/share",
    "local/share/man",
    "local/src",
]
_OF_IMAGES = frozenset({"passwd", "group", "nsswitch.conf", "shells"})
"""Files of /etc that an image has of its own."""
_LINKS = 8
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_MERGED = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
_PIP = """#!/bin/sh
/opt/venv/bin/python3 -m pip --version >/dev/null 2>&1 || /opt/venv/bin/python3 -m ensurepip >/dev/null
exec /opt/venv/bin/python3 -m pip "$@"
"""


class Tree:
    """Makes files for the sandbox's root user."""

    def __init__(self, base: Path, owner: tuple[int, int]) -> None:
        self._base = base
        self._owner = owner if os.geteuid() == 0 else None

    def directory(self, name: str, mode: int = 0o755) -> None:
        path = self._base / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)  # whatever the server's umask is
        self._give(path)

    def file(self, name: str, text: str | bytes, mode: int = 0o644) -> None:
        path = self._base / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        self._give(path)

    def link(self, name: str, target: str) -> None:
        (self._base / name).unlink(missing_ok=True)
        (self._base / name).symlink_to(target)
        self._give(self._base / name)

    def pipe(self, name: str) -> None:
        os.mkfifo(self._base / name, 0o600)
        self._give(self._base / name)

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, *self._owner, follow_symlinks=False)


def build(
    directory: Directory,
    owner: tuple[int, int],
    workdir: str,
    above: Layer | None,
    image: Layer | None,
    certificate: str,
) -> None:
    """Make its own files; what an interrupted build left is replaced.

    `above`: the topmost of the layers that sandboxes made, which have everything already. `image`: None is the host.
    """
    for path in (directory.files, directory.upper, directory.work, directory.layers):
        shutil.rmtree(path, ignore_errors=True)
        Tree(path.parent, owner).directory(path.name)
    files = Tree(directory.files, owner)
    for layer in (above, image):
        if layer is not None:
            _like(files, layer.files)
    if above is None:
        _root(files, directory.files, workdir, image.files if image else Path("/"))
        _etc(files, is_host=image is None)
        _trust(files, image, certificate)


def lift(directory: Directory, owner: tuple[int, int], parts: Iterable[str]) -> None:
    """Have an upper and a work directory for each overlay: what its part of the files holds goes into the former.

    They lie beside the files, since the runtime makes a mount of those, and an overlay needs both of one mount.
    """
    for part in parts:
        files = Tree(directory.files, owner)
        if not (directory.upper / part).is_dir():
            files.directory(part)
            (directory.files / part).rename(directory.upper / part)
        files.directory(part)
        Tree(directory.work, owner).directory(part)


def settle(directory: Directory) -> None:
    """Undo `lift`: all that the sandbox has written lies in its files then. Can be repeated when it was cut off."""
    for upper in directory.upper.iterdir():
        upper.rename(directory.files / upper.name)


def _like(files: Tree, model: Path) -> None:
    """The top directories and links of another root, as far as they are not there."""
    for entry in model.iterdir():
        if entry.is_symlink():
            files.link(entry.name, str(entry.readlink()))
        elif entry.is_dir():
            files.directory(entry.name, stat.S_IMODE(entry.stat().st_mode))


def _etc(files: Tree, *, is_host: bool) -> None:
    for name, text in _OWN_ETC.items():
        if is_host or name not in _OF_IMAGES:
            files.file(f"etc/{name}", text)
    for path, text in mirrors.configuration(Path("/")).items():
        for parent in reversed(Path(path).parents[:-1]):
            files.directory(str(parent))
        files.file(path, text)


def _trust(files: Tree, image: Layer | None, certificate: str) -> None:
    """The host's authorities and the sandboxes' own, beside those of the image; an update of the bundle finds ours."""
    for name in ("usr/local/share", "usr/local/share/ca-certificates", "etc/ssl", "etc/ssl/certs"):
        files.directory(name)
    files.file("usr/local/share/ca-certificates/journeyman.crt", certificate)
    if image is not None:
        bundles = [path.read_text() for path in (image.files / _BUNDLE, Path("/", _BUNDLE)) if path.is_file()]
        files.file(_BUNDLE, "".join([*bundles, certificate]))


def _root(tree: Tree, root: Path, workdir: str, base: Path) -> None:
    for name in [*_DIRECTORIES, *(f"usr/{name}" for name in _WRITABLE_USR)]:
        tree.directory(name, 0o1777 if name.endswith("tmp") else 0o700 if name == "root" else 0o755)
    parts = Path(workdir).parts[1:]
    for depth in range(len(parts)):
        name = "/".join(parts[: depth + 1])
        if not (root / name).exists():
            tree.directory(name)
    for name in _MERGED:
        if (base / "usr" / name).is_dir():
            tree.link(name, f"usr/{name}")
    tree.link("var/run", "/run")
    python = find_python(base)
    if python:
        _virtual_environment(tree, *python)


def find_python(base: Path = Path("/")) -> tuple[str, str] | None:
    """The python3 of a base, as a sandbox sees it, and its release (3.11)."""
    for path in ("usr/bin/python3", "usr/local/bin/python3"):
        target = _program(base, path)
        if target is not None:
            return f"/{path}", target.name.removeprefix("python")
    return None


def _program(base: Path, path: str) -> Path | None:
    """The file that a program of a base is; its links are followed below /usr only."""
    for _ in range(_LINKS):
        found = base / path
        if not found.is_symlink():
            return found if found.is_file() else None
        path = os.path.normpath(Path("/", path).parent / found.readlink()).lstrip("/")
        if not path.startswith("usr/"):
            path = f"etc/{path.removeprefix('etc/')}" if path.startswith("etc/alternatives/") else ""
        if not path:
            return None
    return None


def _virtual_environment(tree: Tree, python: str, release: str) -> None:
    """What `python -m venv --system-site-packages` makes, without the two seconds it takes."""
    for name in ("lib", f"lib/python{release}", f"lib/python{release}/site-packages"):
        tree.directory(f"opt/venv/{name}")
    lines = [f"home = {python.rpartition('/')[0]}", "include-system-site-packages = true", f"version = {release}"]
    tree.file("opt/venv/pyvenv.cfg", "\n".join(lines) + "\n")
    tree.link("opt/venv/bin/python3", python)
    tree.link("opt/venv/bin/python", "python3")
    tree.file("opt/venv/bin/pip", _PIP, 0o755)
    tree.link("opt/venv/bin/pip3", "pip")


def host_etc(sandboxes: Path, certificate: str) -> Path:
    """The copy of the host's /etc that all sandboxes share; made anew when the host's has changed."""
    target = sandboxes / f"etc-{_etc_version(certificate)}"
    if target.is_dir():
        return target
    # A folder of its own for each: two first starts may be under way at once.
    staging = Path(tempfile.mkdtemp(prefix="etc-new-", dir=sandboxes))
    for pattern in _ETC:
        for source in Path("/etc").glob(pattern):
            _copy(source, staging / source.relative_to("/etc"))
    bundle = staging / _BUNDLE.removeprefix("etc/")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    with bundle.open("a") as file:
        file.write(certificate)
    for directory, _, _ in os.walk(staging):
        Path(directory).chmod(0o755)
    with contextlib.suppress(OSError):  # another server was first
        staging.rename(target)
    shutil.rmtree(staging, ignore_errors=True)
    return target


def _etc_version(certificate: str) -> str:
    digest = hashlib.sha256("\n".join([*_ETC, certificate]).encode())
    for name in ("ld.so.cache", "alternatives", "ssl/certs/ca-certificates.crt", "localtime"):
        with contextlib.suppress(OSError):
            found = Path("/etc", name).lstat()
            digest.update(f"{name} {found.st_mtime_ns} {found.st_size}".encode())
    return digest.hexdigest()[:8]


def _copy(source: Path, target: Path) -> None:
    """Copy what everybody may read; links stay links."""
    found = source.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_mode & 0o005 == 0o005:
        target.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir():
            _copy(entry, target / entry.name)
    elif stat.S_ISLNK(found.st_mode):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
    elif stat.S_ISREG(found.st_mode) and found.st_mode & 0o004:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
