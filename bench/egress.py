"""Figures of the egress process: start, attach, throughput, connections a second. Run as root, on Linux.

Servers are on loopback; the sandbox is a bare network namespace. Prints one JSON object.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from journeyman.egress.client import Egress
from journeyman.egress.policy import Policy

SIZE = 1 << 30
CONNECTIONS = 2000

FIND = """
import dns.message, dns.query
HOST = dns.query.udp(dns.message.make_query("localhost", "A"), "198.18.0.1").answer[0][0].to_text()
"""
DOWN = """
import socket, sys, time
s = socket.create_connection((HOST, int(sys.argv[1]))); buffer = bytearray(1 << 20); got = 0
t = time.perf_counter(); s.sendall(b"x\\n")
while n := s.recv_into(buffer): got += n
print(got / (time.perf_counter() - t) / 1e6)
"""
UP = """
import socket, sys, time
s = socket.create_connection((HOST, int(sys.argv[1]))); data = bytes(1 << 20)
t = time.perf_counter()
s.sendall(b"x\\n")
for _ in range(%d): s.sendall(data)
s.shutdown(socket.SHUT_WR); s.recv(1)
print((%d << 20) / (time.perf_counter() - t) / 1e6)
"""
MANY = """
import asyncio, sys, time
async def one(port, gate):
    async with gate:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"hello\\n"); assert await reader.read(100); writer.close()
async def main():
    gate = asyncio.Semaphore(32); t = time.perf_counter()
    await asyncio.gather(*(one(int(sys.argv[1]), gate) for _ in range(%d)))
    print(%d / (time.perf_counter() - t))
asyncio.run(main())
"""
SERVER = """
import socket, sys, threading
out = bytes(1 << 20)
def serve(s, kind):
    with s:
        if kind == "down":
            s.recv(2)
            for _ in range(%d): s.sendall(out)
        elif kind == "up":
            buffer = bytearray(1 << 20)
            while s.recv_into(buffer): pass
            s.send(b"k")
        else:
            s.sendall(s.recv(100))
listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
print(listener.getsockname()[1], flush=True)
while True:
    s, _ = listener.accept()
    threading.Thread(target=serve, args=(s, sys.argv[1]), daemon=True).start()
"""


async def main() -> None:
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as directory:
        egress = Egress(Path(directory) / "egress", ["127.0.0.1", "::1"])
        boxes = [_box() for _ in range(20)]
        try:
            begun = time.perf_counter()
            figures["nft"] = (await egress.doctor())["nft"]
            figures["start_ms"] = _ms(begun)
            attaches: list[float] = []
            for number, box in enumerate(boxes):
                begun = time.perf_counter()
                await egress.attach(f"box-{number}", box.pid, Policy("limited", ("localhost",)))
                attaches.append(_ms(begun))
            figures["attach_ms"] = {"p50": statistics.median(attaches), "max": max(attaches)}
            for kind, program in (("down", DOWN), ("up", UP % (SIZE >> 20, SIZE >> 20))):
                figures[f"{kind}_MB_s"] = round(await _measured(boxes[0].pid, kind, program))
            figures["connections_s"] = round(await _measured(boxes[0].pid, "many", MANY % (CONNECTIONS, CONNECTIONS)))
            pid = (await egress.doctor())["pid"]
            status = Path(f"/proc/{pid}/status").read_text()
            figures["rss_MB"] = int(status.split("VmRSS:")[1].split()[0]) // 1024
        finally:
            await egress.stop()
            for box in boxes:
                box.kill()
                box.wait()
    print(json.dumps(figures))


def _box() -> "subprocess.Popen[str]":
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo; exec sleep 600"]
    box = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert box.stdout is not None
    box.stdout.readline()
    return box


async def _measured(pid: int, kind: str, program: str) -> float:
    server = subprocess.Popen([sys.executable, "-c", SERVER % (SIZE >> 20), kind], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = server.stdout.readline().strip()
    enter = ["nsenter", "--target", str(pid), "--user", "--net", "--preserve-credentials", "--"]
    try:
        client = await asyncio.create_subprocess_exec(
            *enter, sys.executable, "-c", FIND + program, port, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await client.communicate()
        return float(output)
    finally:
        server.kill()
        server.wait()


def _ms(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 1)


if __name__ == "__main__":
    asyncio.run(main())
