"""The egress process as a sandbox provider sees it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from journeyman import __version__
from journeyman.egress import authority
from journeyman.egress.denials import Denial
from journeyman.egress.identity import Process, identify
from journeyman.egress.injection import Injection
from journeyman.egress.kernel import Nft
from journeyman.egress.line import EgressError, Line, Lost, connect
from journeyman.egress.policy import Policy
from journeyman.egress.starting import CannotStart, start

_PATIENCE = 20.0
"""Seconds; an older process may have to end first."""
_PAUSE = 0.1


class Egress:
    """Attaches sandboxes to the egress process of a directory, which is started when it is needed.

    All calls belong to one event loop. When the process dies while this one is connected, it is started again.
    Every call that needs it raises EgressError with what is in the way.
    """

    def __init__(self, directory: Path, allow_private: Sequence[str] = (), ca_file: Path | None = None) -> None:
        """`allow_private`: hosts, addresses and CIDRs that may be reached although they are not public. `ca_file`: of
        certificates that are trusted besides the system's, where requests are rewritten."""
        self._directory = directory.absolute()
        self._allow_private = list(allow_private)
        self._ca_file = None if ca_file is None else str(ca_file.absolute())
        self._injections: dict[str, Sequence[Injection]] = {}
        self._attached: dict[str, tuple[Process, Policy]] = {}
        self._listeners: list[Callable[[Denial], None]] = []
        self._line: Line | None = None
        self._connecting = asyncio.Lock()
        self._revival: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def ca(self) -> Path:
        """The certificate (PEM) that a sandbox must trust to read why a TLS connection was refused."""
        return authority.ensure(self._directory)

    async def attach(self, sandbox: str, pid: int, policy: Policy) -> None:
        """Give the sandbox whose first process is `pid` its way out, or, when it has one, this policy. Idempotent."""
        process = identify(pid)
        if process is None:
            raise EgressError(f"The sandbox's process {pid} has ended.")
        await self._ask("attach", sandbox=sandbox, process=list(process), **_fields(policy))
        self._attached[sandbox] = (process, policy)
        if sandbox in self._injections:
            await self._ask("inject", sandbox=sandbox, injections=_each(self._injections[sandbox]))

    async def inject(self, sandbox: str, injections: Sequence[Injection]) -> None:
        """What is put into its requests from its next connection on; kept until it is attached, and in memory only."""
        self._injections[sandbox] = injections
        if sandbox in self._attached:
            await self._ask("inject", sandbox=sandbox, injections=_each(injections))

    async def set_policy(self, sandbox: str, policy: Policy) -> None:
        """From the sandbox's next connection on; open ones stay."""
        await self._ask("policy", sandbox=sandbox, **_fields(policy))
        if sandbox in self._attached:
            self._attached[sandbox] = (self._attached[sandbox][0], policy)

    async def detach(self, sandbox: str) -> None:
        """Take its way out from it. Idempotent. (The end of its process does the same.)"""
        self._attached.pop(sandbox, None)
        self._injections.pop(sandbox, None)
        await self._ask("detach", sandbox=sandbox)

    def listen(self, callback: Callable[[Denial], None]) -> None:
        """Call it for each denial of any sandbox from now on, while connected."""
        self._listeners.append(callback)

    async def attached(self) -> list[dict[str, Any]]:
        """What the process serves: `sandbox`, `pid`, `mode`, `hosts`, `connections`, `redirected`, and how many
        `injections`."""
        return (await self._ask("list"))["sandboxes"]

    async def doctor(self) -> dict[str, Any]:
        """`nft` (without it only `netns.PLAIN_PORTS` have a way out); the process's `version` and `pid`, or `error`."""
        try:
            Nft()
            nft = True
        except OSError:
            nft = False
        try:
            return {"nft": nft, **await self._ask("ping")}
        except EgressError as problem:
            return {"nft": nft, "error": str(problem)}

    async def close(self) -> None:
        """Let go; the process lives on and goes on serving."""
        self._closed = True
        if self._revival is not None:
            self._revival.cancel()
            await asyncio.wait([self._revival])
        if self._line is not None:
            await self._line.close()
            self._line = None

    async def stop(self) -> None:
        """End the process, if there is one, and let go. What was attached stays remembered in its directory."""
        await self.close()
        connection = connect(self._directory)
        if connection is not None:
            await _stop(connection)

    async def _ask(self, do: str, **fields: object) -> dict[str, Any]:
        for _ in range(3):
            try:
                return await (await self._connected()).ask(do, **fields)
            except Lost:
                continue
        raise EgressError(f"The egress process ends whenever it is asked something: see {self._directory / 'errors'}")

    async def _connected(self) -> Line:
        async with self._connecting:
            if self._closed:
                raise EgressError("The egress client was closed.")
            if self._line is None or not self._line.is_open:
                self._line = await self._connect()
            return self._line

    async def _connect(self) -> Line:
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    line = await self._try_to_connect()
                    if line is not None:
                        return line
                    await asyncio.sleep(_PAUSE)
        except CannotStart as problem:
            raise EgressError(str(problem)) from None
        except TimeoutError:
            raise EgressError(f"The egress process does not answer: see {self._directory / 'errors'}") from None

    async def _try_to_connect(self) -> Line | None:
        connection = connect(self._directory)
        if connection is None:
            await start(self._directory)
            connection = connect(self._directory)
        if connection is None:  # another one is about to start, or to end
            return None
        line = Line(connection, self._denied, self._lost)
        await line.open()
        greeted = False
        try:
            greeted = await self._greet(line)
        except Lost:
            return None
        finally:
            if not greeted:
                await line.close()
        return line if greeted else None

    async def _greet(self, line: Line) -> bool:
        """Tell it who we are; False when it is older than we are, and was told to end."""
        about = await line.ask("ping")
        if _numbers(about["version"]) < _numbers(__version__):
            await line.ask("stop")
            return False
        await line.ask("hello", version=__version__, allow_private=self._allow_private, ca_file=self._ca_file)
        await line.ask("listen")
        for sandbox, (process, policy) in list(self._attached.items()):
            try:
                await line.ask("attach", sandbox=sandbox, process=list(process), **_fields(policy))
                if sandbox in self._injections:
                    await line.ask("inject", sandbox=sandbox, injections=_each(self._injections[sandbox]))
            except EgressError:  # it ended meanwhile
                self._attached.pop(sandbox, None)
        return True

    def _denied(self, denial: Denial) -> None:
        for callback in self._listeners:
            callback(denial)

    def _lost(self) -> None:
        if not self._closed and self._attached:
            self._revival = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        try:
            await self._connected()
        except EgressError:
            return  # the next call says so


async def _stop(connection: Any) -> None:
    gone = asyncio.Event()
    line = Line(connection, lambda _: None, gone.set)
    await line.open()
    try:
        await line.ask("stop")
        await gone.wait()
    except Lost:
        pass
    await line.close()


def _fields(policy: Policy) -> dict[str, Any]:
    return {"mode": policy.mode, "hosts": list(policy.hosts)}


def _each(injections: Sequence[Injection]) -> list[dict[str, Any]]:
    return [asdict(injection) for injection in injections]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
