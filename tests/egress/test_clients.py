"""Real programs in a real sandbox of the local provider, without proxy variables."""

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from egress.internet import http, listening

from journeyman.egress.addresses import is_public
from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy, literal
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import LocalSandboxes

_HOST_CA = Path("/etc/ssl/certs/ca-certificates.crt")
pytestmark = [pytest.mark.anyio, pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")]


def private_addresses(host: str) -> list[str]:
    """What must be allowed where a registry's mirror is at an address that is not public."""
    with contextlib.suppress(socket.gaierror):
        found = {str(place[0]) for *_, place in socket.getaddrinfo(host, 443)}
        return [each for each in found if (address := literal(each)) and not is_public(address)]
    return []


def said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


class Hands:
    def __init__(self, directory: Path) -> None:
        self._boxes = LocalSandboxes(directory)
        self._directory = directory
        self._egress = Egress(directory / "egress")

    async def close(self) -> None:
        await self._egress.stop()
        await self._boxes.destroy("one")
        await self._boxes.close()

    async def open(self, policy: Policy, allow_private: list[str]) -> None:
        """A sandbox with this way out; /tmp/ca.pem vouches for refusals, /tmp/host.pem for what the host trusts."""
        self._egress = Egress(self._directory / "egress", allow_private)
        await self._boxes.start("one")
        pid = next(each.pid for each in await self._boxes.recover() if each.id == "one")
        assert pid is not None
        await self._egress.attach("one", pid, policy)
        await self._boxes.write("one", "/tmp/ca.pem", self._egress.ca.read_bytes(), run=fresh_run(), note="")
        await self._boxes.write("one", "/tmp/host.pem", _HOST_CA.read_bytes(), run=fresh_run(), note="")

    async def sh(self, script: str) -> str:
        """What it printed; the environment has no proxy in it."""
        guarded = f"env | grep -i proxy; {script}"
        result = await self._boxes.shell("one", guarded, run=fresh_run(), timeout=120, output_limit=100_000)
        assert b"_proxy=" not in result.output.lower()
        return result.output.decode(errors="replace") + f"\nexit {result.exit_code}"


@pytest.fixture
async def hands(tmp_path: Path) -> AsyncIterator[Hands]:
    opened = Hands(tmp_path)
    try:
        yield opened
    finally:
        await opened.close()


async def test_curl(hands: Hands) -> None:
    await hands.open(Policy("limited", (socket.gethostname(),)), [socket.gethostname()])
    async with listening(http) as port:
        if not any(address.startswith("127.") for address in private_addresses(socket.gethostname())):
            pytest.skip("the machine's name does not lead to its loopback")
        assert "reached" in await hands.sh(f"curl -s http://{socket.gethostname()}:{port}/")
        assert "config.networking.allowed_hosts" in await hands.sh("curl -s --cacert /tmp/ca.pem https://evil.test/")


async def test_git(hands: Hands, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    site = tmp_path / "site"
    repository = site / "a.git"
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@a.test"]
    subprocess.run(["git", "init", "-q", "--bare", str(repository)], check=True)
    tree = subprocess.run([*git, "mktree"], input="", capture_output=True, text=True, check=True).stdout.strip()
    commit = subprocess.run([*git, "commit-tree", tree, "-m", "one"], capture_output=True, text=True, check=True)
    subprocess.run([*git, "update-ref", "refs/heads/main", commit.stdout.strip()], check=True)
    subprocess.run([*git, "update-server-info"], check=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = site / head.split(b" ")[1].decode().partition("?")[0].lstrip("/")
        body = path.read_bytes() if path.is_file() else b""
        status = b"200 OK" if path.is_file() else b"404 Not Found"
        writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
        writer.close()

    name = socket.gethostname()
    await hands.open(Policy("limited", (name,)), [name])
    async with listening(serve) as port:
        assert commit.stdout.strip() in await hands.sh(f"git ls-remote http://{name}:{port}/a.git")
        assert "403" in await hands.sh(f"git ls-remote http://evil.test:{port}/a.git")


async def test_pip(hands: Hands) -> None:
    pip = shutil.which("pip") or "pip"
    index = said(pip, "config", "get", "global.index-url") or default_index()
    host = urlsplit(index).hostname
    files = file_hosts(index)
    if host is None or not files:
        pytest.skip("no package index answers here")
    allowed = [address for each in (host, *files) for address in private_addresses(each)]
    await hands.open(Policy("limited", (host, *files)), allowed)
    command = f"pip --isolated download --no-deps -q -d /tmp/got --index-url {index} --cert /tmp/host.pem six"
    assert "exit 0" in (out := await hands.sh(f"{command} && ls /tmp/got")), out
    assert "six-" in out


def default_index() -> str:
    """What pip itself asks when nothing is configured."""
    ask = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return said(sys.executable, "-c", ask)


def file_hosts(index: str) -> list[str]:
    """Where the files of a project lie that the index lists."""
    page = subprocess.run(
        ["curl", "-sL", "-m", "60", f"{index.rstrip('/')}/six/"], capture_output=True, text=True, check=False
    )
    return sorted(
        {str(urlsplit(link).hostname) for link in re.findall(r'href="(https?://[^"]+)"', page.stdout)} - {"None"}
    )


async def test_npm(hands: Hands) -> None:
    registry = said("npm", "config", "get", "registry")
    host = str(urlsplit(registry).hostname)
    await hands.open(Policy("limited", (host,)), private_addresses(host))
    if "version" not in said("npm", "view", "left-pad", "--json"):
        pytest.skip("no npm registry answers here")
    out = await hands.sh(f"NODE_EXTRA_CA_CERTS=/tmp/host.pem npm --registry {registry} view left-pad version")
    assert re.search(r"^\d+\.\d+\.\d+$", out, re.MULTILINE), out


async def test_node_fetch(hands: Hands) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    name = socket.gethostname()
    await hands.open(Policy("limited", (name,)), [name])
    fetch = "fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t), e => console.log(e, e.cause))"
    async with listening(http) as port:
        assert "reached" in await hands.sh(f"node -e '{fetch}' http://{name}:{port}/")
    refused = await hands.sh(f"NODE_EXTRA_CA_CERTS=/tmp/ca.pem node -e '{fetch}' https://evil.test/")
    assert "config.networking.allowed_hosts" in refused, refused


async def test_apt(hands: Hands) -> None:
    """An update into directories of its own, from the host's own sources."""
    uris = re.findall(r"^'(\w+://\S+?)'", said("apt-get", "update", "--print-uris"), re.MULTILINE)
    release = next((uri for uri in uris if uri.endswith("InRelease")), None)
    if release is None:
        pytest.skip("apt has no source here")
    host = str(urlsplit(release).hostname)
    base, _, suite = release.removesuffix("/InRelease").partition("/dists/")
    await hands.open(Policy("limited", (host,)), private_addresses(host))
    out = await hands.sh(
        "mkdir -p /tmp/apt/lists/partial /tmp/apt/cache/archives/partial && touch /tmp/apt/status"
        f" && echo 'deb [trusted=yes] {base} {suite} main' >/tmp/apt/sources"
        " && apt-get update -o Dir::Etc::sourcelist=/tmp/apt/sources -o Dir::Etc::sourceparts=-"
        " -o Dir::State::lists=/tmp/apt/lists -o Dir::Cache=/tmp/apt/cache -o Dir::State::status=/tmp/apt/status"
        " -o APT::Sandbox::User=root -o Acquire::https::CaInfo=/tmp/host.pem 2>&1; ls /tmp/apt/lists"
    )
    assert "InRelease" in out and "Packages" in out, out
