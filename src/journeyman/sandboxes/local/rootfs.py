"""The file tree of a sandbox on the `host` base: the host's /usr, a small /etc, and everything else empty."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from journeyman.sandboxes.local.directory import Directory

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
    "hostname": "sandbox\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost ip6-localhost\n",
    "resolv.conf": "nameserver 198.18.0.1\noptions timeout:2 attempts:2\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "shells": "/bin/sh\n/bin/bash\n",
    "pip.conf": "[global]\nroot-user-action = ignore\n",
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
        path.mkdir()
        path.chmod(mode)  # whatever the server's umask is
        self._give(path)

    def file(self, name: str, text: str | bytes, mode: int = 0o644) -> None:
        path = self._base / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        self._give(path)

    def link(self, name: str, target: str) -> None:
        (self._base / name).symlink_to(target)
        self._give(self._base / name)

    def pipe(self, name: str) -> None:
        os.mkfifo(self._base / name, 0o600)
        self._give(self._base / name)

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, *self._owner, follow_symlinks=False)


def build(directory: Directory, owner: tuple[int, int], workdir: str) -> None:
    """Make the root and the upper layers; what an interrupted build left is replaced."""
    for name in ("root", "usr", "etc", "usr.work", "etc.work"):
        shutil.rmtree(directory.path / name, ignore_errors=True)
        Tree(directory.path, owner).directory(name)
    _root(Tree(directory.root, owner), directory.root, workdir)
    usr = Tree(directory.path / "usr", owner)
    for name in _WRITABLE_USR:
        usr.directory(name)
    etc = Tree(directory.path / "etc", owner)
    for name, text in _OWN_ETC.items():
        etc.file(name, text)


def _root(tree: Tree, root: Path, workdir: str) -> None:
    for name in _DIRECTORIES:
        tree.directory(name, 0o1777 if name.endswith("tmp") else 0o700 if name == "root" else 0o755)
    parts = Path(workdir).parts[1:]
    for depth in range(len(parts)):
        name = "/".join(parts[: depth + 1])
        if not (root / name).exists():
            tree.directory(name)
    for name in _MERGED:
        if Path("/usr", name).is_dir():
            tree.link(name, f"usr/{name}")
    tree.link("var/run", "/run")
    python = find_python()
    if python:
        _virtual_environment(tree, python)


def find_python() -> Path | None:
    """The python3 below /usr, which is what a sandbox sees of the host."""
    for path in (Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        target = path.resolve()
        if target.is_file() and target.is_relative_to("/usr"):
            return path
    return None


def _virtual_environment(tree: Tree, python: Path) -> None:
    """What `python -m venv --system-site-packages` makes, without the two seconds it takes."""
    release = python.resolve().name.removeprefix("python")
    for name in ("lib", f"lib/python{release}", f"lib/python{release}/site-packages"):
        tree.directory(f"opt/venv/{name}")
    lines = [f"home = {python.parent}", "include-system-site-packages = true", f"version = {release}"]
    tree.file("opt/venv/pyvenv.cfg", "\n".join(lines) + "\n")
    tree.link("opt/venv/bin/python3", str(python))
    tree.link("opt/venv/bin/python", "python3")
    tree.file("opt/venv/bin/pip", _PIP, 0o755)
    tree.link("opt/venv/bin/pip3", "pip")


def host_etc(sandboxes: Path) -> Path:
    """The copy of the host's /etc that all sandboxes share; made anew when the host's has changed."""
    target = sandboxes / f"etc-{_etc_version()}"
    if target.is_dir():
        return target
    # A folder of its own for each: two first starts may be under way at once.
    staging = Path(tempfile.mkdtemp(prefix="etc-new-", dir=sandboxes))
    for pattern in _ETC:
        for source in Path("/etc").glob(pattern):
            _copy(source, staging / source.relative_to("/etc"))
    for directory, _, _ in os.walk(staging):
        Path(directory).chmod(0o755)
    with contextlib.suppress(OSError):  # another server was first
        staging.rename(target)
    shutil.rmtree(staging, ignore_errors=True)
    return target


def _etc_version() -> str:
    digest = hashlib.sha256("\n".join(_ETC).encode())
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
