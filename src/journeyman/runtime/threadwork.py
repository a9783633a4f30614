"""What takes its time in one thread: asking the model, running tools. It can be cut."""

from collections.abc import Callable

from journeyman.runtime import draft
from journeyman.runtime.computer import Computer
from journeyman.runtime.delegating import Delegation
from journeyman.runtime.draft import Draft
from journeyman.runtime.grading import Grader
from journeyman.runtime.journal import Journal
from journeyman.runtime.parts import Parts
from journeyman.runtime.pen import Pen
from journeyman.runtime.planning import Planning
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import CallModel, Compact, Evaluate, GoIdle, RunTools
from journeyman.runtime.thread import Thread
from journeyman.runtime.toolwork import ToolWork
from journeyman.runtime.turn import Failure, ModelTurn
from journeyman.sandboxes.port import SandboxError
from journeyman.store.port import Claim
from journeyman.tools.mcp.servers import McpRun

LongStep = CallModel | Compact | RunTools | Evaluate | GoIdle


class ThreadWork:
    """Does the long steps of one thread, one at a time."""

    def __init__(
        self,
        parts: Parts,
        claim: Claim,
        state: SessionState,
        thread: Thread,
        journal: Journal,
        computer: Computer,
        wake: Callable[[], None],
    ) -> None:
        """`wake`: something was written that concerns other threads."""
        self._parts = parts
        self._claim = claim
        self._state = state
        self._thread = thread
        self._computer = computer
        self._pen = Pen(journal, thread)
        self._mcp = McpRun(parts.mcp, claim.vault_ids)
        self._tools = ToolWork(
            parts.sandboxes, computer, parts.toolset, claim, state, thread, self._pen, parts.runs, parts.observer,
            self._mcp, Delegation(state, thread, self._pen, wake), Planning(parts.plans, state), wake,
        )  # fmt: skip
        self._model = ModelTurn(
            parts.models, parts.toolset, parts.hub, claim, state, thread, self._pen, self._tools.announced,
            parts.unpriced, parts.observer, parts.belongings.sources, self._mcp, computer.notes,
            lambda: computer.skills(thread), parts.plans.language, parts.judge,
        )  # fmt: skip
        self.grader = Grader(parts, claim, state, thread, self._pen, computer)
        self.begins = True
        """Its next request is the first of a turn."""

    async def perform(self, step: LongStep) -> Failure | None:
        """What went wrong with the model, if it was asked."""
        match step:
            case RunTools(calls):
                if any(call.kind == "mcp" for call in calls):
                    await self._connect()
                await self._tools.run(calls)
                return None
            case CallModel() if not self._thread.is_advisor:
                obstacle = await self._computer.obstacle()
                await self._connect()
                await self._warn()
                await self._fetch()
                return Failure([], "unknown_error", obstacle) if obstacle else await self._ask(step)
            case CallModel() | Compact():
                await self._connect()
                return await self._ask(step)
            case Evaluate():
                outcome = self._state.outcome
                return None if outcome is None else await self.grader.ask(outcome)
            case GoIdle():
                await self._computer.gathered()
                return None

    def cut(self, request: str) -> Draft:
        """The end of a request that was interrupted."""
        return self._model.cut(request)

    def close(self) -> None:
        """Its connections; returns at once."""
        self._mcp.close()

    async def _connect(self) -> None:
        """Once a run: to the agent's MCP servers. The run goes on without those that fail."""
        for each in await self._mcp.connect(self._thread.agent, self._state.turn_began):
            failed = draft.error(each.kind, each.message, "exhausted", mcp_server_name=each.server)
            self._pen.write([failed])

    async def _warn(self) -> None:
        """Say once which credentials cannot be used as they are meant."""
        if not self._claim.vault_ids:
            return
        try:
            found = await self._computer.unreachable()
        except SandboxError:
            return  # the first call of a tool says so
        for each in found:
            if each.credential_id not in self._state.warned:
                place = {"credential_id": each.credential_id, "vault_id": each.vault_id}
                warning = draft.error("credential_host_unreachable_error", each.message, "exhausted", **place)
                self._pen.write([warning])

    async def _fetch(self) -> None:
        """Once a turn: the repositories that the session does not have yet."""
        if not self.begins:
            return
        for each in await self._computer.missing():
            kind = f"repository_{each.kind}_error"
            self._pen.write([draft.error(kind, each.message, "retrying", repository_url=each.url)])

    async def _ask(self, step: CallModel | Compact) -> Failure | None:
        claim = self._claim
        async with self._parts.requests.taken(claim.workspace_id, claim.session_id, begins=self.begins):
            self.begins = False
            await self._pen.own()
            match step:
                case CallModel():
                    return await self._model.ask()
                case Compact():
                    return await self._model.compact(self._parts.settings.max_compactions)
