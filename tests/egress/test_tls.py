"""TLS out of a sandbox: passed on unopened to the host it names, opened only to say no."""

import shutil
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from egress.box import Box
from egress.internet import http, listening, tls

from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy

pytestmark = pytest.mark.anyio
LIMITED = Policy("limited", ("good.test", "*.wild.test"))

CLIENT = """
def get(ca, host, port, name, more=b""):
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = name is not None
    with socket.create_connection((host, port), 15) as plain:
        with context.wrap_socket(plain, server_hostname=name) as s:
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n" % (name or host).encode() + more)
            got = b""
            while d := s.recv(65536):
                got += d
            return got.decode()
"""


async def test_the_host_that_is_named_is_reached_and_not_opened(egress: Egress, box: Box, tmp_path: Path) -> None:
    """The certificate that the client sees is the server's own, which our authority does not vouch for."""
    await egress.attach("one", box.pid, LIMITED)
    other = tmp_path / "other"
    async with listening(http, ssl=tls(other, "good.test")) as port:
        assert "reached" in await box.python(
            CLIENT + f"print(get({str(other / 'ca.pem')!r}, 'good.test', {port}, 'good.test'))"
        )
        opened = await box.python(CLIENT + f"print(get({str(egress.ca)!r}, 'good.test', {port}, 'good.test'))")
        assert "CERTIFICATE_VERIFY_FAILED" in opened


@pytest.mark.parametrize("name", ["evil.test", "a.wild.test"])
async def test_another_server_name_than_the_host_connected_to(
    egress: Egress, box: Box, tmp_path: Path, name: str
) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(http, ssl=tls(tmp_path / "other", name)) as port:
        answer = await box.python(CLIENT + f"print(get({str(egress.ca)!r}, 'good.test', {port}, {name!r}))")
    assert answer.startswith("HTTP/1.1 403") and f"{name} was asked for over a connection to good.test" in answer


async def test_no_server_name(egress: Egress, box: Box, tmp_path: Path) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(http, ssl=tls(tmp_path / "other", "good.test")) as port:
        answer = await box.python(CLIENT + f"print(get({str(egress.ca)!r}, 'good.test', {port}, None))")
    assert answer.startswith("HTTP/1.1 403") and "SNI" in answer


SPLIT = """
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
session = ssl.create_default_context(cafile={ca!r}).wrap_bio(incoming, outgoing, server_hostname={name!r})
with socket.create_connection(("good.test", {port}), 15) as s:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try: session.do_handshake()
    except ssl.SSLWantReadError: pass
    hello = outgoing.read()
    records = b"".join(hello[:3] + b"\\0\\x01" + hello[place:place+1] for place in range(5, len(hello)))
    for place in range(0, len(records), 7):
        s.send(records[place:place+7])
    print(s.recv(1))
"""


async def test_a_greeting_split_over_segments_and_records(egress: Egress, box: Box, tmp_path: Path) -> None:
    """The first byte that comes back shows that TLS is spoken: by the server, or by the refusal."""
    await egress.attach("one", box.pid, LIMITED)
    other = tmp_path / "other"
    async with listening(http, ssl=tls(other, "good.test")) as port:
        for name in ("good.test", "evil.test"):
            assert await box.python(SPLIT.format(ca=str(egress.ca), name=name, port=port)) in {"b'\\x16'", "b'\\x15'"}
        told = [
            line for line in (tmp_path / "egress" / "log").read_text().splitlines() if "evil.test was asked" in line
        ]
        assert len(told) == 1 and "good.test" in told[0]


@pytest.mark.parametrize("client", ["curl", "openssl", "python"])
async def test_a_refusal_is_readable_in_tls(egress: Egress, box: Box, client: str) -> None:
    await egress.attach("one", box.pid, LIMITED)
    ca = egress.ca
    if client != "python" and shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    if client == "curl":
        answer = await box.run("curl", "-si", "--cacert", str(ca), "https://evil.test/secret")
    elif client == "openssl":
        ask = "(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 2)"
        s_client = f"openssl s_client -quiet -verify_return_error -CAfile {ca} -servername evil.test"
        answer = await box.sh(f"{ask} | {s_client} -connect evil.test:443")
    else:
        answer = await box.python(CLIENT + f"print(get({str(ca)!r}, 'evil.test', 443, 'evil.test', b'x' * 2_000_000))")
    assert "HTTP/1.1 403 Forbidden" in answer
    assert "evil.test is not one of the hosts" in answer and "config.networking.allowed_hosts" in answer


async def test_an_address_is_refused_in_tls_too(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    for address in ("1.2.3.4", "[2606::1]"):
        answer = await box.run("curl", "-si", "--cacert", str(egress.ca), f"https://{address}/")
        assert "HTTP/1.1 403 Forbidden" in answer, answer


async def test_an_unreachable_server_is_a_502_in_tls_too(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    answer = await box.run("curl", "-si", "--cacert", str(egress.ca), "https://good.test:9/")
    assert "HTTP/1.1 502 Bad Gateway" in answer


async def test_what_is_not_http_inside_refused_tls_is_broken_off(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    said = await box.python(
        f"""
        context = ssl.create_default_context(cafile={str(egress.ca)!r})
        s = context.wrap_socket(socket.create_connection(("evil.test", 6379)), server_hostname="evil.test")
        s.sendall(b"*1\\r\\n$4\\r\\nPING\\r\\n")
        try: print(len(s.recv(100)), "bytes")  # Python shows a reset as an end here
        except OSError as error: print("broken off", error)
        """
    )
    assert said == "0 bytes" or said.startswith("broken off")


MAKE = """
import sys
from pathlib import Path
from journeyman.egress.authority import ensure
print(ensure(Path(sys.argv[1])).read_text())
"""


def test_two_processes_make_one_authority(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "made")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(6)]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert stat.S_IMODE((tmp_path / "made" / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert ssl.create_default_context(cafile=tmp_path / "made" / "ca.pem").get_ca_certs()
