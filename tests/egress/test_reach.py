"""What a sandbox reaches, in every spelling, and what it is told when it does not."""

import asyncio
import contextlib
import json

import pytest
from egress.box import Box, World
from egress.internet import greeting, http, listening, upstream

from journeyman.egress.client import Egress
from journeyman.egress.denials import Denial
from journeyman.egress.policy import Policy

pytestmark = pytest.mark.anyio
LIMITED = Policy("limited", ("good.test", "*.wild.test"))
OPEN = Policy("unrestricted")
GET = "b'GET / HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n'"


async def get(box: Box, host: str, port: int, at: str | None = None) -> str:
    return await box.python(f"print(talk({at or host!r}, {port}, {GET % host}))")


@pytest.mark.parametrize(
    "host", ["good.test", "GOOD.test", "good.test.", "a.wild.test", "b.a.wild.test", "A.Wild.TEST."]
)
async def test_listed_hosts_are_reached(egress: Egress, box: Box, host: str) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(http) as port:
        assert "reached" in await get(box, host, port)


@pytest.mark.parametrize(
    "host", ["evil.test", "wild.test", "notgood.test", "good.test.evil.test", "awild.test", "1.1.1.1", "10.0.0.1"]
)
async def test_other_hosts_are_refused_with_host_and_setting(egress: Egress, box: Box, host: str) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(http) as port:
        answer = await get(box, host, port)
    assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
    assert host in answer and "config.networking.allowed_hosts" in answer


@pytest.mark.parametrize("policy", [LIMITED, OPEN])
@pytest.mark.parametrize(
    "spelling",
    [
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0x0a000001",
        "167772161",
        "012.0.0.1",
        "10.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "fd00:ec2::254",
        "fe80::1",
        "198.18.77.77",
        "224.0.0.1",
        "0.0.0.1",
    ],
)
async def test_private_addresses_in_every_spelling(egress: Egress, box: Box, policy: Policy, spelling: str) -> None:
    await egress.attach("one", box.pid, policy)
    async with listening(http) as port:
        answer = await box.python(
            f"""
            try: print(talk({spelling!r}, {port}, {GET % "x"}))
            except OSError as error: print("failed", error)
            """
        )
    assert "reached" not in answer
    if not answer.startswith("failed"):
        assert answer.startswith("HTTP/1.1 403")
        setting = "config.networking.allowed_hosts" if policy is LIMITED else "egress.allow_private"
        assert setting in answer


async def test_the_loopback_of_the_sandbox_is_its_own(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, OPEN)
    async with listening(http) as port:
        for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "::ffff:127.0.0.1", "::1"):
            said = await box.python(
                f"""
                try: print(talk({address!r}, {port}, {GET % "x"}))
                except OSError as error: print(error)
                """
            )
            assert "refused" in said, address
    assert "mine" in await box.sh(
        "cd /tmp && echo mine >mine.txt && (python3 -m http.server 8123 --bind 127.0.0.1 >/dev/null 2>&1 & p=$!;"
        " curl -s --retry 20 --retry-connrefused --retry-max-time 9 http://127.0.0.1:8123/mine.txt; kill $p)"
    )


async def test_a_listener_of_ours_is_no_way_in(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, OPEN)
    ports = await box.sh("ss -Hlnt | grep -o '127.0.0.1:[0-9]*' | cut -d: -f2")
    assert ports.split()
    for port in ports.split():
        assert await get(box, "good.test", int(port), at="127.0.0.1") == "RESET"


@pytest.mark.parametrize("name", ["metadata.test", "mixed.test", "mine.test", "six.test"])
async def test_names_at_private_addresses(egress: Egress, world: World, box: Box, name: str) -> None:
    names = {"metadata_test": "169.254.169.254", "mixed_test": "1.1.1.1,10.0.0.1", "mine_test": "127.0.0.1"}
    world.names(**names, six_test="fd00::1")
    await egress.attach("one", box.pid, OPEN)
    async with listening(http) as port:
        answer = await get(box, name, port)
    assert answer.startswith("HTTP/1.1 403") and name in answer and "egress.allow_private" in answer


async def test_rebinding_is_seen_at_each_connection(egress: Egress, world: World, box: Box) -> None:
    """A name that was at a permitted address when it was asked for, and is at a private one when connected to."""
    world.names(rebind_test="1.1.1.1")
    await egress.attach("one", box.pid, OPEN)
    async with listening(http) as port:
        address = (await box.python("print(socket.gethostbyname('rebind.test'))")).strip()
        assert address.startswith("198.1")
        world.names(rebind_test="127.0.0.1")
        # The answer to the question may be used for some seconds, the address in it is public; then it is asked again.
        with contextlib.suppress(TimeoutError):
            for _ in range(40):
                answer = await box.python(
                    f"""
                    import time; time.sleep(0.5)
                    try: print(talk({address!r}, {port}, {GET % "rebind.test"}, 2))
                    except OSError as error: print(error)
                    """
                )
                assert "reached" not in answer
                if "403" in answer:
                    break
        assert "egress.allow_private" in answer


async def test_forged_hosts(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(http) as port:
        assert "evil.test was asked for" in await get(box, "evil.test", port, at="good.test")
        for head in (
            r"GET / HTTP/1.1\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: good.test\r\nHost: evil.test\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost : evil.test\r\nHost: good.test\r\n\r\n",
            r"GET http://evil.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
            r"\r\nGET / HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            r"get / http/1.1\r\nhost: evil.test\r\n\r\n",
            r"GET / HTTP/1.1\nHost: evil.test\n\n",
            r"CONNECT evil.test:443 HTTP/1.1\r\nHost: good.test\r\n\r\n",
            r"GET / HTTP/1.0\r\nHost: evil.test\r\n\r\n",
            r"GET / HTTP/1.1\r\nHost: good.test, evil.test\r\n\r\n",
        ):
            assert (await box.python(f"print(talk('good.test', {port}, b'{head}'))")).startswith("HTTP/1.1 403"), head
        for head in (
            rf"GET / HTTP/1.1\r\nHost: GOOD.test.:{port}\r\n\r\n",
            r"GET / HTTP/1.0\r\n\r\n",
            r"GET http://good.test/ HTTP/1.1\r\nHost: good.test\r\n\r\n",
        ):
            assert "reached" in await box.python(f"print(talk('good.test', {port}, b'{head}'))"), head


async def test_a_host_header_that_comes_in_pieces(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    program = """
    s = socket.create_connection(("good.test", {port}))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET / HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n":
        s.send(bytes([byte]))
    print(s.recv(1000))
    """
    async with listening(http) as port:
        assert "reached" in await box.python(program.format(port=port, host="good.test"))
        assert "403" in await box.python(program.format(port=port, host="evil.test"))


async def test_a_server_that_speaks_first(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(greeting) as port:
        said = await box.python(
            f"""
            s = socket.create_connection(("good.test", {port}))
            print(s.recv(100)); s.sendall(b"EHLO me\\r\\n"); print(s.recv(100))
            """
        )
        assert "220 welcome" in said and "echo EHLO me" in said
        forged = await box.python(
            f"""
            s = socket.create_connection(("good.test", {port}))
            print(s.recv(100)); s.sendall(b"GET / HTTP/1.1\\r\\nHost: evil.test\\r\\n\\r\\n")
            try: print(s.recv(100))
            except ConnectionResetError: print("RESET")
            """
        )
        assert "220 welcome" in forged and "RESET" in forged


async def test_what_speaks_neither_is_reset(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    for data in (r"SSH-2.0-x\r\n", r"\0\0\0\x08\x04\xd2\x16\x2f", r"EHLO me\r\n"):
        assert await box.python(f"print(talk('evil.test', 2222, b'{data}'))") == "RESET"


async def test_no_network_at_all(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, Policy("none"))
    async with listening(http) as port:
        answer = await get(box, "good.test", port)
    assert answer.startswith("HTTP/1.1 403") and "good.test" in answer and "config.networking" in answer


async def test_an_unreachable_server_is_a_502(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    answer = await get(box, "good.test", 9)
    assert answer.startswith("HTTP/1.1 502") and "good.test could not be connected to on port 9" in answer
    assert await box.python("print(talk('good.test', 9, b'SSH-2.0-x\\r\\n'))") == "RESET"


async def test_udp_leads_nowhere(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, OPEN)
    said = await box.python(
        """
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.connect(("8.8.8.8", 53))
        try: s.send(b"x"); s.recv(100); print("answered")
        except OSError as error: print("nothing", error)
        """
    )
    assert said.startswith("nothing")


async def test_a_policy_change_counts_from_the_next_connection(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with listening(greeting) as port, upstream() as asked:
        first = box.python(
            f"""
            s = socket.create_connection(("good.test", {port})); s.recv(100)
            print(socket.gethostbyname("good.test"), flush=True)
            ask = b"GET / HTTP/1.1\\r\\nHost: good.test\\r\\n\\r\\n"
            def refused():
                try: return talk("good.test", {port}, ask, 0.5).startswith("HTTP/1.1 403")
                except TimeoutError: return False  # before the change: a server that waits for more
            while not refused(): pass
            s.sendall(b"still here\\r\\n"); print(s.recv(100))
            """
        )
        running = asyncio.ensure_future(first)
        while not (await egress.attached())[0]["connections"]:
            await asyncio.sleep(0.01)
        await egress.set_policy("one", Policy("limited", ("other.test",)))
        assert "echo still here" in await running
        assert asked.asked == []
        await get(box, "other.test", port)
        assert "other.test" in asked.asked


async def test_denials_are_told_and_logged(egress: Egress, world: World, box: Box) -> None:
    told: list[Denial] = []
    egress.listen(told.append)
    await egress.attach("one", box.pid, LIMITED)
    await box.python(f"[talk('evil.test', 80, {GET % 'evil.test'}) for _ in range(5)]; import time; time.sleep(1.5)")
    await egress.attached()
    assert [(each.sandbox, each.host, each.port) for each in told] == [("one", "evil.test", 80)] * 2
    assert sum(each.count for each in told) == 5
    lines = [json.loads(line) for line in (world.state / "log").read_text().splitlines()]
    logged = [line for line in lines if line["event"] == "denied"]
    assert len(logged) == 2 and {"time", "sandbox", "host", "port", "reason", "count"} <= set(logged[0])
