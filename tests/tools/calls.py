"""Calling a built-in tool as the runtime does."""

from itertools import count
from typing import Any

from journeyman.sandboxes.port import Run, Sandboxes
from journeyman.tools.port import ToolCall, ToolContext, ToolResult
from journeyman.tools.registry import Toolset


class Caller:
    """Calls tools in one sandbox, each call under its own run id unless `run` names one."""

    def __init__(self, sandboxes: Sandboxes, sandbox: str) -> None:
        self.sandboxes = sandboxes
        self.sandbox = sandbox
        self._toolset = Toolset()
        self._ids = count(1)

    async def __call__(self, name: str, /, run: str = "", fence: int = 0, **given: Any) -> ToolResult:
        key = run or f"sevt_{next(self._ids):04d}"
        context = ToolContext(self.sandbox, Run(key, fence), self.sandboxes, config={})
        return await self._toolset.builtin(name).run(ToolCall(key, name, given), context)
