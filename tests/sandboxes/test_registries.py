"""The managers of this machine are asked where they get packages, with configurations of our own."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from journeyman.sandboxes.local.registries import hosts, script


class _Registry(BaseHTTPRequestHandler):
    """As much of cargo's, npm's and pip's protocols as says where the files are."""

    def do_GET(self) -> None:
        address = f"http://{self.headers['Host']}"
        answers = {
            "/cargo/config.json": json.dumps({"dl": "https://crate-files.test/crates"}),
            "/npm/npm": json.dumps(
                {
                    "name": "npm",
                    "dist-tags": {"latest": "1.0.0"},
                    "versions": {
                        "1.0.0": {
                            "name": "npm",
                            "version": "1.0.0",
                            "dist": {"tarball": "https://npm-files.test/npm.tgz", "shasum": "0" * 40},
                        }
                    },
                }
            ),
            "/pip/pip/": f'<a href="https://pip-files.test/pip-99.0-py3-none-any.whl">pip</a><!-- {address} -->',
        }
        found = answers.get(self.path)
        self.send_response(200 if found else 404)
        self.send_header("content-type", "text/html" if self.path.startswith("/pip") else "application/json")
        self.end_headers()
        self.wfile.write((found or "").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _ask(home: Path, *, network: bool = True, **variables: str) -> str:
    known = ("PATH", "RUSTUP_HOME", "PYENV_ROOT")
    environment = {name: os.environ[name] for name in known if name in os.environ}
    rustup = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
    environment |= {"HOME": str(home), "RUSTUP_HOME": rustup, "LC_ALL": "C.UTF-8", **variables}
    command = ["bash", "-c", script()] if network else ["unshare", "--user", "--net", "bash", "-c", script()]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == ""
    return done.stdout


def test_managers_say_what_they_are_configured_to_use(registry: str, tmp_path: Path) -> None:
    (tmp_path / ".cargo").mkdir()
    source = f'[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+{registry}/cargo/"\n'
    (tmp_path / ".cargo/config.toml").write_text(source)
    (tmp_path / ".npmrc").write_text(f"registry={registry}/npm/\n@own:registry=https://scoped.test/\n")
    pip = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{registry}/pip/", "PIP_FIND_LINKS": ""}
    printed = _ask(tmp_path, CARGO_HOME=str(tmp_path / ".cargo"), **pip)
    found = hosts(printed)
    assert urlsplit(registry).hostname in found
    expected = {"cargo": "crate-files.test", "npm": "npm-files.test", "pip": "pip-files.test"}
    present = {manager: host for manager, host in expected.items() if shutil.which(manager)}
    assert present
    assert set(present.values()) <= set(found)
    if shutil.which("npm"):
        assert "scoped.test" in found
    assert list(found) == sorted(set(found))


def test_without_network_they_say_what_they_know(tmp_path: Path) -> None:
    printed = _ask(
        tmp_path,
        network=False,
        PIP_CONFIG_FILE="/dev/null",
        PIP_INDEX_URL="https://index.test/simple",
        PIP_FIND_LINKS="",
    )
    found = hosts(printed)
    if shutil.which("pip"):
        assert "index.test" in found
    if shutil.which("npm"):
        command = ["npm", "config", "get", "registry"]
        said = subprocess.run(
            command, env={**os.environ, "HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert urlsplit(said.stdout.strip()).hostname in found


def test_no_manager_no_host(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", script()],
        env={"PATH": "/nowhere"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert hosts(done.stdout) == ()


def test_only_names_of_hosts_are_taken() -> None:
    printed = """journeyman-registry go
https://user:secret@Proxy.test:8443/path
direct
off
sum.test
journeyman-registry npm
undefined
not.a.registry
"@own:registry": "https://own.test/",
https://-bad-/ https://[broken https://{crate}.test/ http:///x
"""
    assert hosts(printed) == ("own.test", "proxy.test", "sum.test")
