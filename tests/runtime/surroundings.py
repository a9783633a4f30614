"""What a brain works with in these tests: a model that plays scripts, a sandbox in memory, every kind of tool."""

# ruff: noqa: ARG002 - the ports name their parameters

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from journeyman.models.port import ModelCard, ModelRequest
from journeyman.models.scripted import Say, Script, ScriptedModel
from journeyman.runtime.hub import Hub
from journeyman.runtime.parts import Parts
from journeyman.runtime.settings import RuntimeSettings
from journeyman.sandboxes.port import (
    Check,
    EnvironmentFailed,
    ExecResult,
    FileData,
    Incident,
    Run,
    SandboxInfo,
    ShellResult,
    Spec,
    StaleRun,
)
from journeyman.store.port import SessionLog
from journeyman.tools.registry import Toolset

from .validity import check_request

JsonObject = dict[str, Any]

CUSTOM = {"type": "custom", "name": "mine", "description": "d", "input_schema": {"type": "object", "properties": {}}}


def agent(**fields: Any) -> JsonObject:
    """bash runs, write asks, edit is disabled, `mine` is the client's; any other name is unknown."""

    def config(name: str, policy: str, *, enabled: bool = True) -> JsonObject:
        return {"name": name, "enabled": enabled, "permission_policy": {"type": policy}}

    configs = [config("write", "always_ask"), config("edit", "always_allow", enabled=False)]
    default = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    toolset = {"type": "agent_toolset_20260401", "default_config": default, "configs": configs}
    return {
        "id": "agent_test", "type": "agent", "version": 1, "name": "worker", "description": None, "system": "Be brief.",
        "model": {"id": "test", "speed": "standard"}, "tools": [toolset, CUSTOM], "mcp_servers": [], "skills": [],
        "multiagent": None, **fields,
    }  # fmt: skip


class Mind:
    """Models and Model in one: plays the scripts in order, then says "ok". Checks every request it is sent.

    `meanwhile` is called once after `after` stream events; when it returns True, the stream never goes on.
    """

    def __init__(self, window: int = 10**9) -> None:
        self.window = window
        self.scripts: deque[Script] = deque()
        self.requests: list[ModelRequest] = []
        self.meanwhile: Callable[[], bool] | None = None
        self.after = 0
        self.hang = Hang()

    def find(self, model: str) -> "Mind":
        assert model == "test"
        return self

    def context_window(self, model: str) -> int:
        return self.window

    def max_output(self, model: str) -> int:
        return 1_000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[JsonObject, None]:
        check_request(request)
        self.requests.append(request)
        script = self.scripts.popleft() if self.scripts else Script([Say(["ok"])])
        async with aclosing(ScriptedModel(lambda _: script).stream(request)) as events:
            number = 0
            async for event in events:
                yield event
                number += 1
                if self.meanwhile is not None and number >= self.after:
                    meanwhile, self.meanwhile = self.meanwhile, None
                    if meanwhile():
                        await self.hang.on()

    async def list(self) -> list[ModelCard]:
        return []

    async def retrieve(self, model: str) -> ModelCard | None:
        return None

    async def close(self) -> None: ...


class Hang:
    """Something that goes on until it is cut; `uncut` says that nobody cut it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.uncut = False

    async def on(self) -> None:
        self.reached.set()
        await asyncio.sleep(3)
        self.uncut = True


class Box:
    """A sandbox provider in memory, as the port says: a run id has its effect once, and a stale fence is refused."""

    name = "memory"

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.meanwhile: Callable[[], bool] | None = None
        self.hang = Hang()
        self._fence = 0
        self.specs: dict[str, Spec] = {}
        self.unready = ""
        """Why no environment can be prepared."""

    async def create(self, sandbox: str, spec: Spec) -> None:
        self.specs[sandbox] = spec

    async def prepare(self, spec: Spec) -> None:
        if self.unready:
            raise EnvironmentFailed(self.unready)

    async def shell(
        self, sandbox: str, script: str, *, run: Run, timeout: float, output_limit: int, shell: str = "main"
    ) -> ShellResult:
        self._once(run)
        await asyncio.sleep(0)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None and meanwhile():
            await self.hang.on()
        return ShellResult(script.encode(), 0, len(script))

    async def write(
        self, sandbox: str, path: str, data: bytes, *, run: Run, note: str, if_sha256: str | None = None
    ) -> str:
        self._once(run)
        return note

    def _once(self, run: Run) -> None:
        if run.fence < self._fence:
            raise StaleRun
        self._fence = run.fence
        self.effects[run.id] = 1

    async def doctor(self) -> list[Check]:
        return []

    async def start(self, sandbox: str) -> None: ...

    async def stop(self, sandbox: str) -> None: ...

    async def announce(self, sandbox: str, incident: Incident) -> None: ...

    async def destroy(self, sandbox: str) -> None: ...

    async def recover(self) -> list[SandboxInfo]:
        return []

    async def close(self) -> None: ...

    async def restart_shell(self, sandbox: str, *, run: Run, shell: str = "main") -> None:
        self._once(run)

    async def exec(
        self, sandbox: str, argv: list[str], *, cwd: str = "/workspace", stdin: bytes = b"", timeout: float = 60.0,
        output_limit: int = 1_000_000,
    ) -> ExecResult:  # fmt: skip
        return ExecResult(0, b"", b"", False)

    async def read(self, sandbox: str, path: str, *, offset: int = 0, limit: int) -> FileData:
        raise FileNotFoundError(path)

    async def recorded(self, sandbox: str, run: Run) -> str | None:
        return None


def parts(log: SessionLog, mind: Mind, box: Box, hub: Hub | None = None, **settings: Any) -> Parts:
    quick = {"max_retries": 2, "backoff_base": 1e-6, "backoff_cap": 1e-6, **settings}
    return Parts(log, hub or Hub(), mind, Toolset(), box, RuntimeSettings(**quick))
