"""The name server inside a sandbox."""

import asyncio
from pathlib import Path

import dns.rcode
import pytest
from egress.box import Box, World
from egress.internet import upstream

from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy

pytestmark = pytest.mark.anyio
LIMITED = Policy("limited", ("good.test", "*.wild.test"))
ASK = """
import dns.message, dns.query, dns.rcode
def ask(name, kind="A", by="udp"):
    answer = getattr(dns.query, by)(dns.message.make_query(name, kind), "198.18.0.1", 10)
    return dns.rcode.to_text(answer.rcode()), [item.to_text() for each in answer.answer for item in each]
"""


async def ask(box: Box, *questions: str) -> list[tuple[str, list[str]]]:
    program = "\n".join(f"print(ask({question}))" for question in questions)
    return [eval(line) for line in (await box.python(ASK + program)).splitlines()]


async def test_what_is_answered(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    async with upstream() as asked:
        answers = await ask(
            box,
            "'good.test'",
            "'GOOD.Test.'",
            "'good.test', 'A', 'tcp'",
            "'evil.test'",
            "'good.test', 'AAAA'",
            "'good.test', 'HTTPS'",
            "'good.test', 'MX'",
            "'evil.test', 'TXT'",
        )
        (code, address), *_ = answers
        assert code == "NOERROR" and address[0].startswith(("198.18.", "198.19."))
        assert answers[1] == answers[2] == answers[0]
        assert answers[3][0] == "NOERROR" and answers[3][1] != address and answers[3][1][0].startswith("198.1")
        assert answers[4:] == [("NOERROR", [])] * 4
        assert asked.asked == []  # good.test is in the host's own file, and evil.test is nobody's business
        reverse = ".".join(reversed(address[0].split("."))) + ".in-addr.arpa"
        unknown = "9.9.19.198.in-addr.arpa"
        assert await ask(box, f"'{reverse}', 'PTR'", f"'{unknown}', 'PTR'") == [
            ("NOERROR", ["good.test."]),
            ("NXDOMAIN", []),
        ]


async def test_names_that_do_not_exist_and_failures_stay_what_they_are(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, Policy("unrestricted"))
    async with upstream() as asked:
        assert await ask(box, "'nowhere.test'", "'nowhere.test', 'AAAA'") == [("NXDOMAIN", [])] * 2
        asked.code = dns.rcode.SERVFAIL
        assert await ask(box, "'broken.test'") == [("SERVFAIL", [])]
        assert set(asked.asked) == {"nowhere.test", "broken.test"}


async def test_names_that_are_none(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, Policy("unrestricted"))
    async with upstream() as asked:
        answers = await ask(box, r"'a\\032b.test'", r"'\\000.test'", "'.'", r"'a\\.b.test'")
        assert answers == [("NXDOMAIN", [])] * 4
        assert asked.asked == []


async def test_dns_follows_the_policy(egress: Egress, box: Box) -> None:
    async with upstream() as asked:
        await egress.attach("one", box.pid, LIMITED)
        assert (await ask(box, "'other.test'"))[0][0] == "NOERROR"
        assert asked.asked == []
        await egress.set_policy("one", Policy("limited", ("other.test",)))
        assert await ask(box, "'other.test'") == [("NXDOMAIN", [])]
        assert asked.asked == ["other.test", "other.test"][: len(asked.asked)] and asked.asked


FLOOD = """
import os, random, time
random.seed(7)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("198.18.0.1", 53)); s.settimeout(0)
for number in range(3000):
    if number % 3 == 0: data = random.randbytes(random.randrange(0, 600))
    elif number % 3 == 1: data = b"id\\x01\\0\\0\\x01" + bytes(6) + random.randbytes(random.randrange(0, 60))
    else: data = b"\\0\\0\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x06" + b"%06d" % number + b"\\x04test\\0\\0\\x01\\0\\x01"
    try: s.send(data)
    except OSError: pass
print("sent")
"""
KNOCK = """
for number in range(1500):
    assert talk("198.19.%d.%d" % (number // 250, number % 250), 1000 + number, b"\\0\\0hello") == "RESET", number
print("knocked")
"""


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident(pid: int) -> int:
    """KiB"""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


async def test_floods_leave_nothing_behind(egress: Egress, box: Box, world: World) -> None:
    pid = (await egress.doctor())["pid"]
    await egress.attach("one", box.pid, LIMITED)
    await box.python(KNOCK.replace("1500", "20"))
    before, memory = descriptors(pid), resident(pid)
    assert await box.python(FLOOD) == "sent"
    assert await box.python(KNOCK) == "knocked"
    assert (await ask(box, "'good.test'"))[0][0] == "NOERROR"
    while (await egress.attached())[0]["connections"]:
        await asyncio.sleep(0.01)
    assert descriptors(pid) <= before
    assert resident(pid) < memory + 30_000
