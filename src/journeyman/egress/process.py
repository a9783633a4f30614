"""The egress process: one for a directory, outlives the servers that use it, ends when nobody needs it."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from journeyman import __version__
from journeyman.egress.attachments import Attachments, Operator
from journeyman.egress.authority import Contexts
from journeyman.egress.connection import Means
from journeyman.egress.control import LINE, Control
from journeyman.egress.denials import Denial, Denials, Log
from journeyman.egress.namespaces import Namespaces
from journeyman.egress.records import Records
from journeyman.egress.resolver import THREADS, Resolver
from journeyman.egress.splice import CHUNK

SOCKET = "control"
_UNUSED = 60.0
"""Seconds without a sandbox and without a client, after which it ends."""
_LOOK = 5.0


def run(directory: Path, opener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until stopped; `ready` is called when clients can connect. The caller holds the directory's lock."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(_serve(directory, opener, ready))


async def _serve(directory: Path, opener: socket.socket, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    records, log, threads = Records(directory), Log(directory / "log"), ThreadPoolExecutor(THREADS)
    loop.set_exception_handler(lambda _, context: log.write(event="error", **_described(context)))
    operator, namespaces = Operator(records), Namespaces(opener)
    buffer = memoryview(bytearray(CHUNK))
    contexts = Contexts(directory)

    def means() -> Means:
        return Means(Resolver(threads), contexts, lambda: operator.addresses, buffer, operator.trusted)

    def told(denial: Denial) -> None:
        log.write(event="denied", **asdict(denial))
        control.tell(denial)

    attachments = Attachments(records, namespaces, means, Denials(told).report)
    control = Control(attachments, operator, {"version": __version__, "pid": os.getpid()}, stopped.set)
    server = await asyncio.start_unix_server(control.accept, sock=_listener(directory), limit=LINE)
    ready()
    log.write(event="started", version=__version__, pid=os.getpid())
    for sandbox, reason in (await attachments.restore()).items():
        log.write(event="not entered again", sandbox=sandbox, reason=reason)
    unused = 0.0
    while not stopped.is_set() and unused < _UNUSED:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), _LOOK)
        unused = 0.0 if len(attachments) or control.clients else unused + _LOOK
    server.close()
    attachments.close()
    namespaces.close()
    threads.shutdown(wait=False, cancel_futures=True)
    log.write(event="stopped", pid=os.getpid())


def _described(context: dict[str, Any]) -> dict[str, str]:
    """A bug, or a failure that nobody waited for. Into the log, whose size is bounded, whoever provokes it."""
    error = context.get("exception")
    trace = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
    return {"message": str(context.get("message")), "trace": trace[-4000:]}


def _listener(directory: Path) -> socket.socket:
    """The control socket. By way of a descriptor, since a socket's path may have 107 bytes only."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    (directory / SOCKET).unlink(missing_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
    (directory / SOCKET).chmod(0o600)
    listener.listen(128)
    return listener
