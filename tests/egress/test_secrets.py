"""Secrets that are put in on the way out."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from egress.box import Box, World, murder
from egress.internet import greeting, http, listening, tls

from journeyman.egress.client import Egress
from journeyman.egress.injection import Substitution
from journeyman.egress.policy import Policy

pytestmark = pytest.mark.anyio
OPEN, LIMITED = Policy("unrestricted"), Policy("limited", ("good.test", "a.wild.test"))
MARK, SECRET = "jm_mark", "planted-secret"
INTO = Substitution(MARK, SECRET, ("good.test",), header=True, body=False)

CURL = "curl -sS -m 20 -H 'X-Key: jm_mark' {more} {scheme}://{host}:{port}/"


@pytest.fixture
async def egress(world: World, tmp_path: Path) -> AsyncIterator[Egress]:
    """One that trusts the authority of these tests' servers."""
    tls(tmp_path / "other", "good.test")
    world.names(good_test="127.0.0.1", a_wild_test="127.0.0.1")
    await world.start()
    egress = Egress(world.state, ["good.test", "a.wild.test"], tmp_path / "other" / "ca.pem")
    try:
        yield egress
    finally:
        await egress.stop()


@pytest.mark.parametrize("policy", [OPEN, LIMITED])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_is_put_in(egress: Egress, box: Box, tmp_path: Path, scheme: str, policy: Policy) -> None:
    """The client sees a certificate of ours, the server its own client; of two hosts the credential's gets it."""
    await egress.attach("one", box.pid, policy)
    await egress.inject("one", [INTO])
    for host, found in (("good.test", SECRET), ("a.wild.test", MARK)):
        other = tmp_path / "other"
        context = tls(other, host) if scheme == "https" else None
        ca = egress.ca if host == "good.test" else other / "ca.pem"
        async with listening(http, ssl=context) as port:
            answer = await box.sh(CURL.format(scheme=scheme, host=host, port=port, more=f"--cacert {ca}"))
        assert f"X-Key: {found}" in answer


async def test_a_change_counts_from_the_next_connection(egress: Egress, box: Box) -> None:
    """Also that there is nothing to put in any more."""
    await egress.inject("one", [INTO])  # kept until it is attached
    await egress.attach("one", box.pid, OPEN)
    async with listening(http) as port:
        command = CURL.format(scheme="http", host="good.test", port=port, more="")
        assert f"X-Key: {SECRET}" in await box.sh(command)
        await egress.inject("one", [Substitution(MARK, "rotated", None, header=True, body=False)])
        assert "X-Key: rotated" in await box.sh(command)
        await egress.inject("one", [])
        assert f"X-Key: {MARK}" in await box.sh(command)


async def test_the_death_of_the_egress_process(egress: Egress, world: World, box: Box) -> None:
    """The secret was nowhere on disk; the server gives it again."""
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [INTO])
    told = [path.read_bytes() for path in world.state.rglob("*") if path.is_file()]
    assert told and not any(SECRET.encode() in data for data in told)
    pid = (await egress.doctor())["pid"]
    await murder(pid)
    assert [(each["sandbox"], each["injections"]) for each in await egress.attached()] == [("one", 1)]
    assert (await egress.doctor())["pid"] != pid


async def test_a_server_whose_certificate_is_not_trusted(egress: Egress, box: Box, tmp_path: Path) -> None:
    """It is not told the secret; the client is told why."""
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [INTO])
    async with listening(http, ssl=tls(tmp_path / "stranger", "good.test")) as port:
        more = f"--cacert {egress.ca} -w '%{{http_code}}'"
        answer = await box.sh(CURL.format(scheme="https", host="good.test", port=port, more=more))
    assert answer.endswith("502") and "certificate" in answer
    assert SECRET not in answer


async def test_a_body(egress: Egress, box: Box, tmp_path: Path) -> None:
    """Inside TLS, in chunks too; the length is put right."""
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [Substitution(MARK, SECRET, ("good.test",), header=False, body=True)])
    async with listening(whole, ssl=tls(tmp_path / "other", "good.test")) as port:
        for more in ('-d \'{"key": "jm_mark"}\'', "-H 'Transfer-Encoding: chunked' -d jm_mark"):
            command = CURL.format(scheme="https", host="good.test", port=port, more=f"--cacert {egress.ca} {more}")
            answer = await box.sh(command)
            assert SECRET in answer
            assert f"X-Key: {MARK}" in answer


async def test_a_client_of_http2_only_is_not_opened(egress: Egress, box: Box, tmp_path: Path) -> None:
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [INTO])
    other = tmp_path / "other"
    program = f"""
        context = ssl.create_default_context(cafile={str(other / "ca.pem")!r})
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("good.test", PORT), 15) as plain:
            with context.wrap_socket(plain, server_hostname="good.test") as s:
                s.sendall(b"GET / HTTP/1.1\\r\\nHost: good.test\\r\\nX-Key: {MARK}\\r\\n\\r\\n")
                print(s.recv(65536).decode())
    """
    async with listening(http, ssl=tls(other, "good.test")) as port:
        assert f"X-Key: {MARK}" in await box.python(program.replace("PORT", str(port)))


async def test_a_server_that_speaks_first(egress: Egress, box: Box) -> None:
    """Mail and the like go by as they are."""
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [INTO])
    async with listening(greeting) as port:
        program = f"""
            with socket.create_connection(("good.test", {port}), 15) as s:
                print(s.recv(100))
                s.sendall(b"HELO {MARK}\\r\\n")
                print(s.recv(100))
        """
        answer = await box.python(program)
    assert "220 welcome" in answer and f"echo HELO {MARK}" in answer


async def test_many_requests_of_one_connection(egress: Egress, box: Box, tmp_path: Path) -> None:
    await egress.attach("one", box.pid, OPEN)
    await egress.inject("one", [INTO])
    async with listening(patient, ssl=tls(tmp_path / "other", "good.test")) as port:
        url = f"https://good.test:{port}/"
        answer = await box.sh(f"curl -sS -m 20 --cacert {egress.ca} -H 'X-Key: jm_mark' {url} {url} {url}")
    assert answer.count(SECRET) == 3
    assert answer.count("connection 1") == 3


async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with all of one request."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        got = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", got, re.IGNORECASE)
        got += await (reader.readexactly(int(length[1])) if length else reader.readuntil(b"\r\n0\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(got) + got)
        await writer.drain()
    writer.close()


async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request of a connection with its head, and goes on."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            body = await reader.readuntil(b"\r\n\r\n") + b"connection 1\n"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    writer.close()
