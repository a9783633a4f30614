"""The Unix socket that servers steer the egress process through: one JSON object a line.

A request is {"key", "do", …}, its answer {"key", "done": {…}} or {"key", "error": "…"}. Who asked to `listen` also gets
{"denied": {"sandbox", "host", "port", "reason", "count"}}. The requests, and what they carry:

hello {version, allow_private, ca_file} · attach {sandbox, process: [pid, start, boot], mode, hosts} ·
policy {sandbox, mode, hosts} · inject {sandbox, injections} · detach {sandbox} · list · ping · listen · stop
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from journeyman.egress.attachment import Attachment
from journeyman.egress.attachments import Attachments, NotAttached, Operator
from journeyman.egress.denials import Denial
from journeyman.egress.identity import Process
from journeyman.egress.injection import injection
from journeyman.egress.namespaces import CannotEnter
from journeyman.egress.policy import Policy
from journeyman.egress.records import Settings

LINE = 4 << 20
"""Bytes of a message at most; a policy may name many hosts."""
_UNREAD = 1 << 20
"""Bytes that a listener may leave unread before it misses events."""

Json = dict[str, Any]


class Control:
    def __init__(self, attachments: Attachments, operator: Operator, about: Json, stop: Callable[[], None]) -> None:
        """`about` is what a ping answers."""
        self._attachments = attachments
        self._operator = operator
        self._about = about
        self._stop = stop
        self._clients: set[asyncio.StreamWriter] = set()
        self._listeners: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def clients(self) -> int:
        return len(self._clients)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves."""
        self._clients.add(writer)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def tell(self, denial: Denial) -> None:
        line = orjson.dumps({"denied": asdict(denial)}, option=orjson.OPT_APPEND_NEWLINE)
        for writer in self._listeners:
            if writer.transport.get_write_buffer_size() < _UNREAD:
                writer.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Its requests are carried out side by side."""
        try:
            async with asyncio.TaskGroup() as requests:
                while line := await reader.readline():
                    requests.create_task(self._answer(orjson.loads(line), writer))
        except* (OSError, ValueError):  # it left in the middle, or speaks something else
            pass
        finally:
            self._clients.discard(writer)
            self._listeners.discard(writer)
            writer.close()

    async def _answer(self, request: Json, writer: asyncio.StreamWriter) -> None:
        answer: Json = {"key": request.get("key")}
        try:
            answer["done"] = await self._do(request, writer)
        except (CannotEnter, NotAttached, ValueError) as problem:
            answer["error"] = str(problem)
        except KeyError as missing:
            answer["error"] = f"The request lacks {missing}."
        with contextlib.suppress(OSError):
            writer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
            await writer.drain()

    async def _do(self, request: Json, writer: asyncio.StreamWriter) -> Json:
        match request["do"]:
            case "hello":
                self._operator.change(Settings(tuple(request["allow_private"]), request.get("ca_file")))
            case "attach":
                process = Process(*request["process"])
                attachment = await self._attachments.attach(request["sandbox"], process, _policy(request))
                return {"redirected": attachment.redirected}
            case "policy":
                self._attachments.set_policy(request["sandbox"], _policy(request))
            case "inject":
                self._attachments.inject(request["sandbox"], [injection(each) for each in request["injections"]])
            case "detach":
                await self._attachments.detach(request["sandbox"])
            case "list":
                return {"sandboxes": [_describe(*each) for each in self._attachments.items()]}
            case "listen":
                self._listeners.add(writer)
            case "stop":
                self._stop()
            case "ping":
                pass
            case unknown:
                raise ValueError(f"There is no {unknown!r}.")
        return self._about


def _policy(request: Json) -> Policy:
    if request["mode"] not in {"none", "limited", "unrestricted"}:
        raise ValueError(f"There is no mode {request['mode']!r}.")
    return Policy(request["mode"], tuple(request["hosts"]))


def _describe(sandbox: str, attachment: Attachment) -> Json:
    return {
        "sandbox": sandbox,
        "pid": attachment.process.pid,
        "mode": attachment.rules.policy.mode,
        "hosts": attachment.rules.policy.hosts,
        "injections": len(attachment.rules.injections),
        "connections": attachment.connections,
        "redirected": attachment.redirected,
    }
