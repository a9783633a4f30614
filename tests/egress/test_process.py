"""The egress process and its servers: who dies, what goes on."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from egress.box import Box, World, connected, made_box, murder, until_gone
from egress.internet import greeting, hashing, http, listening

from journeyman.egress.client import Egress
from journeyman.egress.line import EgressError
from journeyman.egress.policy import Policy

pytestmark = pytest.mark.anyio
LIMITED = Policy("limited", ("good.test",))
GET = "b'GET / HTTP/1.1\\r\\nHost: good.test\\r\\n\\r\\n'"


async def get(box: Box, port: int) -> str:
    return await box.python(f"print(talk('good.test', {port}, {GET}))")


async def until_it_reads(box: Box, port: int, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in await get(box, port):
            pass


async def test_a_client_starts_the_process_and_a_second_one_uses_it(tmp_path: Path, box: Box) -> None:
    deep = tmp_path / ("d" * 100)
    one, two = Egress(deep / "egress"), Egress(deep / "egress")
    try:
        about = await asyncio.gather(one.doctor(), two.doctor())
        assert about[0]["pid"] == about[1]["pid"]
        assert Path(f"/proc/{about[0]['pid']}/cwd").resolve() == Path("/")
        environment = Path(f"/proc/{about[0]['pid']}/environ").read_bytes().split(b"\0")
        assert {line.partition(b"=")[0] for line in environment if line} == {b"PATH", b"LANG", b"PYTHONPATH"}
        assert os.getsid(about[0]["pid"]) != os.getsid(0)
        await one.attach("one", box.pid, LIMITED)
        assert [each["sandbox"] for each in await two.attached()] == ["one"]
        await two.detach("one")
        await two.detach("one")
        assert await one.attached() == []
    finally:
        await two.close()
        await one.stop()
    await until_gone(about[0]["pid"])


async def test_attaching_again_changes_the_policy_only(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, Policy("none"))
    async with listening(http) as port:
        assert "403" in await get(box, port)
        sockets = await box.sh("ss -Hlntu")
        await asyncio.gather(*(egress.attach("one", box.pid, LIMITED) for _ in range(5)))
        assert await box.sh("ss -Hlntu") == sockets
        assert "reached" in await get(box, port)


async def test_two_sandboxes_have_policies_of_their_own(egress: Egress, box: Box, tmp_path: Path) -> None:
    with made_box(tmp_path / "other") as other:
        await egress.attach("one", box.pid, LIMITED)
        await egress.attach("two", other.pid, Policy("none"))
        async with listening(http) as port:
            assert "reached" in await get(box, port)
            assert "403" in await get(other, port)


async def test_killed_and_entered_again_by_itself(world: World, egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, LIMITED)
    pid = (await egress.doctor())["pid"]
    await egress.close()
    await murder(pid)
    async with listening(http) as port:
        await world.start()  # nobody attaches
        await until_it_reads(box, port, "reached")
        assert "403" in await box.python(f"print(talk('evil.test', {port}, {GET}))")


async def test_a_client_brings_it_back_by_itself(tmp_path: Path, box: Box) -> None:
    """Without any call: the connection's end is enough."""
    egress = Egress(tmp_path / "egress", ["127.0.0.0/8"])
    try:
        await egress.attach("one", box.pid, Policy("none"))
        pid = (await egress.doctor())["pid"]
        async with listening(http) as port:
            assert "403" in await get(box, port)
            await murder(pid)
            async with asyncio.timeout(20):
                while "403" not in await box.python(
                    f"""
                    try: print(talk("9.9.9.9", {port}, {GET}))
                    except OSError: pass
                    """
                ):
                    pass
        assert (await egress.doctor())["pid"] != pid
    finally:
        await egress.stop()


CLIENT = """
import asyncio, sys, os
from pathlib import Path
from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy
async def main():
    await Egress(Path(sys.argv[1]), ["good.test"]).attach("one", int(sys.argv[2]), Policy("limited", ("good.test",)))
    print("attached", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_the_death_of_the_client_does_not_matter(world: World, egress: Egress, box: Box) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(world.state), str(box.pid), stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"attached\n"
    async with listening(greeting) as port:
        running = asyncio.ensure_future(
            box.python(
                f"""
                import os, time
                s = socket.create_connection(("good.test", {port})); print(s.recv(100), flush=True)
                while not os.path.exists("{world.state}/go"): time.sleep(0.01)
                s.sendall(b"on it goes\\r\\n"); print(s.recv(100))
                """
            )
        )
        while not (await egress.attached())[0]["connections"]:
            await asyncio.sleep(0.01)
        client.kill()
        await client.wait()
        (world.state / "go").touch()
        assert "echo on it goes" in await running


async def test_the_death_of_a_sandbox_is_noticed(egress: Egress, box: Box, world: World) -> None:
    await egress.attach("one", box.pid, LIMITED)
    box.kill()
    async with asyncio.timeout(10):
        while await egress.attached():
            pass
    assert list((world.state / "attached").iterdir()) == []
    with pytest.raises(EgressError, match="ended"):
        await egress.attach("one", box.pid, LIMITED)
    with pytest.raises(EgressError, match="not attached"):
        await egress.set_policy("one", LIMITED)


async def test_a_record_of_another_process_with_this_pid_is_dropped(egress: Egress, box: Box, world: World) -> None:
    await egress.attach("one", box.pid, LIMITED)
    record = world.state / "attached" / "one.json"
    await egress.stop()
    text = record.read_text()
    started = text.split(",")[1]
    record.write_text(text.replace(f",{started},", f",{int(started) - 1},"))
    async with connected(world, []) as again:
        async with asyncio.timeout(10):
            while record.exists():
                await asyncio.sleep(0.01)
        assert await again.attached() == []


async def test_an_older_process_is_replaced(world: World, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.start()
    old = Egress(world.state, ["good.test"])
    await old.attach("one", box.pid, LIMITED)
    pid = (await old.doctor())["pid"]
    await old.close()
    monkeypatch.setattr("journeyman.egress.client.__version__", "0.1.1")
    # The version of a client is what is newer here; the process it starts says 0.1.0 again, so it is asked only once.
    newer = Egress(world.state, ["good.test"])
    waiting = asyncio.ensure_future(newer.doctor())
    try:
        await until_gone(pid)
    finally:
        monkeypatch.undo()
        assert (await waiting)["pid"] != pid
        async with asyncio.timeout(10):
            while [each["sandbox"] for each in await newer.attached()] != ["one"]:
                pass
        await newer.stop()


async def test_a_process_that_cannot_start_is_reported(tmp_path: Path) -> None:
    (tmp_path / "egress" / "lock").mkdir(parents=True)
    with pytest.raises(EgressError, match=r"did not start: see .*errors"):
        await Egress(tmp_path / "egress").attach("one", os.getpid(), LIMITED)
    assert "IsADirectoryError" in (tmp_path / "egress" / "errors").read_text()


async def test_names_that_are_never_answered_hold_up_nobody_else(egress: Egress, box: Box, tmp_path: Path) -> None:
    """The host's name server is silent: the questions of one sandbox wait, those of another are answered."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.99", 53))
    with silent, made_box(tmp_path / "other") as other:
        await egress.attach("one", box.pid, Policy("unrestricted"))
        await egress.attach("two", other.pid, LIMITED)
        await box.python(
            """
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("198.18.0.1", 53))
            for n in range(200):
                s.send(b"id\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x03%03d\\x04slow\\x04test\\0\\0\\x01\\0\\x01" % n)
            """
        )
        silent.settimeout(10)
        assert silent.recv(1000)
        async with listening(http) as port:
            assert "reached" in await get(other, port)


SEND = """
import hashlib, random
size = {size}
def send(s):
    digest, block = hashlib.sha256(), random.Random(1).randbytes(1 << 20)
    for number in range(size >> 20):
        piece = block[number % 1000:] + block[:number % 1000]
        digest.update(piece); s.sendall(piece)
    s.shutdown(socket.SHUT_WR)
    return digest.hexdigest()
with socket.create_connection(("good.test", {port})) as s:
    mine = send(s)
    theirs = s.recv(1000).decode()
    print(theirs == f"{{size}} {{mine}}", theirs)
"""


async def test_a_large_transfer_out_with_half_close(egress: Egress, box: Box) -> None:
    await egress.attach("one", box.pid, Policy("unrestricted"))
    async with listening(hashing) as port:
        assert (await box.python(SEND.format(size=300 << 20, port=port))).startswith("True")


async def test_a_large_transfer_in_to_a_slow_reader(egress: Egress, box: Box) -> None:
    """The server ends first; what it sent arrives whole, and what the client says afterwards arrives too."""
    data = os.urandom(1 << 20)
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(64):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        heard.append(await reader.read())
        writer.close()

    digest = hashlib.sha256(data * 64).hexdigest()
    await egress.attach("one", box.pid, LIMITED)
    async with listening(serve) as port:
        said = await box.python(
            f"""
            import hashlib, time
            digest = hashlib.sha256()
            with socket.create_connection(("good.test", {port})) as s:
                time.sleep(0.5)
                while d := s.recv(10_000): digest.update(d)
                s.sendall(b"thanks\\r\\n")
            print(digest.hexdigest())
            """
        )
        assert said == digest
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
    assert heard == [b"thanks\r\n"]


async def test_a_stopped_reader_stops_the_sender(egress: Egress, box: Box) -> None:
    """Back-pressure: the process holds a bounded amount of what nobody reads."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(OSError, TimeoutError):
            while True:
                writer.write(bytes(1 << 20))
                await asyncio.wait_for(writer.drain(), 1)
                sent += 1 << 20
        writer.transport.abort()

    await egress.attach("one", box.pid, Policy("unrestricted"))
    async with listening(serve) as port:
        await box.python(f's = socket.create_connection(("good.test", {port})); import time; time.sleep(3)')
    assert 0 < sent < 64 << 20


USER = 54_321
SYSTEM_PYTHON = "/usr/bin/python3"
ORDINARY = """
import asyncio, os, sys
import concurrent.futures.thread
from pathlib import Path
from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy
from journeyman.sandboxes.conformance import fresh_run
from journeyman.sandboxes.local import LocalSandboxes
user, directory = int(sys.argv[1]), Path(sys.argv[2])
os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
async def main():
    boxes, egress = LocalSandboxes(directory), Egress(directory / "egress", ["127.0.0.0/8"])
    async def sh(script):
        result = await boxes.shell("one", script, run=fresh_run(), timeout=60, output_limit=9999)
        return result.output.decode().strip()
    try:
        await boxes.start("one")
        pid = (await boxes.recover())[0].pid
        await egress.attach("one", pid, Policy("limited", ("9.9.9.9",)))
        print((await egress.attached())[0]["redirected"])
        for address in ("8.8.8.8", "[2606::1]", "nowhere.test"):
            print(await sh(f"curl -s http://{address}:81/"))
        old = (await egress.doctor())["pid"]
        os.kill(old, 9)
        while (await egress.doctor())["pid"] == old:
            pass
        print(await sh("curl -s --retry 20 --retry-all-errors http://again.test/"))
    finally:
        await egress.stop()
        await boxes.destroy("one")
        await boxes.close()
asyncio.run(main())
"""


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("runc"), reason="needs curl and runc")
async def test_as_an_ordinary_user(has_namespaces: None) -> None:
    # The interpreter of the tests may lie where another user cannot go.
    version = ["-c", "import sys; sys.exit(sys.version_info[:2] != " + repr(sys.version_info[:2]) + ")"]
    if subprocess.run([SYSTEM_PYTHON, *version], check=False).returncode:
        pytest.skip(f"{SYSTEM_PYTHON} is another version of Python")
    ours = [path for path in sys.path if path.endswith(("site-packages", "src"))]
    environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "PYTHONPATH": ":".join(ours)}
    directory = Path(tempfile.mkdtemp(prefix="egress-"))
    os.chown(directory, USER, USER)
    try:
        process = await asyncio.create_subprocess_exec(
            SYSTEM_PYTHON, "-c", ORDINARY, str(USER), str(directory), stdout=subprocess.PIPE, cwd="/", env=environment
        )
        output, _ = await process.communicate()
    finally:
        shutil.rmtree(directory)
    lines = output.decode().splitlines()
    assert lines[0] == "True"
    for line, host in zip(lines[1:], ("8.8.8.8", "2606::1", "nowhere.test", "again.test"), strict=True):
        assert line.startswith(f"{host} is not one of the hosts")
