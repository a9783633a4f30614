"""Registries of cargo, gem and go with one small program each, which says what it is called when it runs."""

import contextlib
import functools
import hashlib
import io
import json
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Generator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CRATE = "tiny-crate"
GEM = "tiny-gem"
MODULE = "tiny.test/tiny-module"
TAG = "told"
"""Without this build tag the module has nothing to build."""
VERSION = "1.0.0"

_CARGO = f'[package]\nname = "{CRATE}"\nversion = "{VERSION}"\nedition = "2021"\n'
_RUST = f'fn main() {{ println!("{CRATE}"); }}\n'
_GO = f'//go:build {TAG}\n\npackage main\n\nimport "os"\n\nfunc main() {{ os.Stdout.WriteString("tiny-module\\n") }}\n'

# What gems are, and the indexes of old clients, are Ruby's own marshalled objects.
_RUBY = r"""
require "fileutils"
require "rubygems/package"
require "zlib"
name, version = ARGV
Dir.mkdir("bin")
File.write("bin/#{name}", "#!/usr/bin/env ruby\nputs #{name.dump}\n")
File.chmod(0755, "bin/#{name}")
spec = Gem::Specification.new(name, version) do |s|
  s.summary, s.authors, s.files, s.executables = "a", ["a"], ["bin/#{name}"], [name]
end
%w[gems quick/Marshal.4.8].each { |place| FileUtils.mkdir_p(place) }
file = Gem::Package.build(spec, true)
File.rename(file, "gems/#{file}")
File.binwrite("quick/Marshal.4.8/#{spec.full_name}.gemspec.rz", Zlib::Deflate.deflate(Marshal.dump(spec)))
all = [[name, spec.version, "ruby"]]
{ "specs" => all, "latest_specs" => all, "prerelease_specs" => [] }.each do |index, listed|
  File.binwrite("#{index}.4.8.gz", Zlib.gzip(Marshal.dump(listed)))
end
"""


def crates(place: Path, address: str) -> None:
    """A sparse index, which says that the files are at `address`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (("Cargo.toml", _CARGO), ("src/main.rs", _RUST)):
            info = tarfile.TarInfo(f"{CRATE}-{VERSION}/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    checksum = hashlib.sha256(packed.getvalue()).hexdigest()
    line: dict[str, object] = {
        "name": CRATE,
        "vers": VERSION,
        "deps": [],
        "cksum": checksum,
        "features": {},
        "yanked": False,
    }
    _write(place / "config.json", json.dumps({"dl": f"{address}/{{crate}}-{{version}}.crate"}))
    _write(place / CRATE[:2] / CRATE[2:4] / CRATE, json.dumps(line))
    _write(place / f"{CRATE}-{VERSION}.crate", packed.getvalue())


def gems(place: Path) -> None:
    """With the indexes of old clients and of new ones; made by the Ruby of this machine."""
    place.mkdir(parents=True)
    subprocess.run(["ruby", "-e", _RUBY, GEM, VERSION], cwd=place, check=True, capture_output=True)
    checksum = hashlib.sha256((place / f"gems/{GEM}-{VERSION}.gem").read_bytes()).hexdigest()
    info = f"---\n{VERSION} |checksum:{checksum}\n"
    _write(place / "info" / GEM, info)
    digest = hashlib.md5(info.encode(), usedforsecurity=False).hexdigest()
    _write(place / "versions", f"created_at: 2026-01-01T00:00:00Z\n---\n{GEM} {VERSION} {digest}\n")


def modules(place: Path) -> None:
    """What a module proxy answers."""
    packed, version = io.BytesIO(), f"v{VERSION}"
    mod, info = f"module {MODULE}\n", json.dumps({"Version": version, "Time": "2026-01-01T00:00:00Z"})
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{MODULE}@{version}/go.mod", mod)
        archive.writestr(f"{MODULE}@{version}/main.go", _GO)
    root = place / MODULE
    _write(root / "@latest", info)
    _write(root / "@v/list", f"{version}\n")
    for ending, content in (("info", info), ("mod", mod), ("zip", packed.getvalue())):
        _write(root / "@v" / f"{version}.{ending}", content)


@contextlib.contextmanager
def served(place: Path) -> Generator[int]:
    """The port on loopback at which the files of a directory are."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(place)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
