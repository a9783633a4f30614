"""Running the calls of one answer, in order, each keyed by its event id."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from journeyman.runtime.computer import Computer
from journeyman.runtime.delegating import Delegation
from journeyman.runtime.draft import error, result_of
from journeyman.runtime.pen import Pen
from journeyman.runtime.planning import Planning
from journeyman.runtime.session import SessionState, turn_of
from journeyman.runtime.slots import Slots
from journeyman.runtime.thread import Call, Thread
from journeyman.sandboxes.port import Run, SandboxError, Sandboxes, StaleRun
from journeyman.store.port import Claim
from journeyman.telemetry.port import Observer, Span, ToolRun
from journeyman.tools.mcp.servers import McpRun
from journeyman.tools.port import ToolCall, ToolContext, ToolResult, text_result
from journeyman.tools.registry import Toolset
from journeyman.tools.spill import is_long, spill
from journeyman.tools.urls import Mention, mentions, seen
from journeyman.tools.workflows import is_workflow
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.tools")

_UNKNOWN = "The tool failed unexpectedly; whether it had an effect is not known. Check before repeating it."
_CUT = "The server was stopped during this call. Whether it had an effect is not known: check before repeating it."
_WEB = ("web_fetch", "web_search")
_LOOKING = (*_WEB, "read", "glob", "grep")
"""These change nothing in the sandbox."""


class ToolWork:
    """Settles the calls of one thread."""

    def __init__(
        self,
        sandboxes: Sandboxes,
        computer: Computer,
        toolset: Toolset,
        claim: Claim,
        state: SessionState,
        thread: Thread,
        journal: Pen,
        slots: Slots,
        observer: Observer,
        mcp: McpRun,
        delegation: Delegation,
        planning: Planning,
        wake: Callable[[], None],
    ) -> None:
        self._sandboxes = sandboxes
        self._computer = computer
        self._toolset = toolset
        self._claim = claim
        self._state = state
        self._thread = thread
        self._delegation = delegation
        self._planning = planning
        self._wake = wake
        self._journal = journal
        self._slots = slots
        self._observer = observer
        self._mcp = mcp
        self._cut = {call.id for call in thread.ready if call.kind == "mcp" and not call.denied}
        """Calls that another brain had begun, or was about to."""
        self._warming: asyncio.Task[None] | None = None

    async def run(self, calls: list[Call]) -> None:
        """Results go into the log in call order; web calls run side by side, all others one after the other."""
        await self._journal.flush()
        web = {call.id: asyncio.create_task(self._settle(call)) for call in calls if _is_web(call)}
        try:
            for call in calls:
                if call.kind == "agents":
                    await self._concerning_others(call)
                    continue
                result = await (web[call.id] if call.id in web else self._settle(call))
                self._journal.write([result_of(call, result)], hold=call is calls[-1])
        finally:
            for task in web.values():
                task.cancel()
        if any(call.kind == "builtin" and call.name not in _LOOKING for call in calls):
            self._computer.gather()

    async def _concerning_others(self, call: Call) -> None:
        if is_workflow(call.name):
            await self._planning.settle(call, self._journal, self._wake)
        else:
            self._delegation.settle(call)

    def announced(self, name: str) -> None:
        """An answer begins to call `name`: have the sandbox started while the rest of the answer comes in.

        A failure to start is told by the first call that needs it.
        """
        if self._warming is None and name not in _WEB and self._kind(name) == "builtin":
            self._warming = asyncio.create_task(self._start())

    async def _start(self) -> None:
        try:
            await self._computer.describe()
            await self._sandboxes.start(self._claim.session_id)
        except SandboxError:
            self._warming = None

    def _kind(self, name: str) -> str:
        return self._toolset.resolve(self._thread.agent.get("tools", []), name).kind

    async def _settle(self, call: Call) -> ToolResult:
        if call.denied:
            return _denial(call)
        async with self._slots.taken(self._claim.workspace_id, self._claim.session_id):
            await self._journal.own()
            began = now_us()
            result = await (self._call_server(call) if call.kind == "mcp" else self._run(call))
        span = Span(began, now_us(), "tool_error" if result.is_error else None)
        name = "mcp" if call.kind == "mcp" else call.name  # few names: they are labels of metrics
        self._observer.tool_run(ToolRun(turn_of(self._claim.session_id, self._state), span, name, call.id))
        return result

    async def _call_server(self, call: Call) -> ToolResult:
        """Never twice, unless its server says that this changes nothing."""
        if call.id in self._cut and not self._mcp.is_repeatable(call.server, call.name):
            return text_result(_CUT, is_error=True)
        try:
            result, problem = await self._mcp.call(call.server, call.name, call.input)
        except Exception:
            _log.exception("session %s: %s of an MCP server failed", self._claim.session_id, call.name)
            return text_result(_UNKNOWN, is_error=True)
        if problem is not None:
            self._journal.write([error(problem.kind, problem.message, "exhausted", mcp_server_name=problem.server)])
        if not is_long(result):
            return result
        try:
            async with self._computer.furnished():
                return await spill(result, call.id, self._context(call, {}))
        except StaleRun:
            raise
        except SandboxError as failure:
            return text_result(f"The result is too long to show, and could not be kept: {failure}", is_error=True)

    def _context(self, call: Call, config: JsonObject) -> ToolContext:
        return ToolContext(
            sandbox=self._claim.session_id,
            run=Run(call.id, self._claim.fence),
            shell="main" if self._thread.parent is None else self._thread.id,
            sandboxes=self._sandboxes,
            config=config,
            networking=self._claim.environment["config"].get("networking") or {},
            seen_urls=self._seen(config) if call.kind == "builtin" and call.name == "web_fetch" else frozenset(),
        )

    async def _run(self, call: Call) -> ToolResult:
        context = self._context(call, self._toolset.resolve(self._thread.agent["tools"], call.name).config)
        try:
            if call.name in _WEB:
                return await self._toolset.builtin(call.name).run(ToolCall(call.id, call.name, call.input), context)
            async with self._computer.furnished():
                result = await self._toolset.builtin(call.name).run(ToolCall(call.id, call.name, call.input), context)
                return _with_notes(result, await self._computer.flush())
        except StaleRun:
            raise
        except SandboxError as error:
            return text_result(str(error), is_error=True)
        except Exception:
            _log.exception("session %s: %s failed", self._claim.session_id, call.name)
            return text_result(_UNKNOWN, is_error=True)
        finally:
            if call.name not in _LOOKING:
                self._computer.changed()

    def _seen(self, config: JsonObject) -> frozenset[str]:
        thread = self._thread
        found = [mention for body, tool in thread.shown for mention in mentions(body, tool)]
        found += [Mention(url, "server_tool_results", "web_fetch") for url in thread.links]
        return seen(found, config.get("url_sources"))


def _is_web(call: Call) -> bool:
    return call.kind == "builtin" and call.name in _WEB


def _with_notes(result: ToolResult, notes: Sequence[str]) -> ToolResult:
    if not notes:
        return result
    return replace(result, content=[*result.content, {"type": "text", "text": "\n".join(notes)}])


def _denial(call: Call) -> ToolResult:
    if call.verdict == "deny":
        text = f"Permission to use {call.name} has been rejected."
        if call.deny_message:
            text += f" Rejection message: {call.deny_message}"
        return text_result(text, is_error=True)
    return text_result(f"Permission to use {call.name} has been denied.", is_error=True)
