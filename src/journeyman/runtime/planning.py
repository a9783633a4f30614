"""Workflow runs: started and stopped by calls of the primary thread's, and carried on by the brain."""

from collections.abc import Callable
from typing import Any

from journeyman.runtime import draft, roster, workflow_events
from journeyman.runtime.defining import defined
from journeyman.runtime.draft import Draft
from journeyman.runtime.pen import Pen
from journeyman.runtime.plans import Computed, Plans, Wanted
from journeyman.runtime.schemas import asked
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Call, Thread
from journeyman.runtime.workflow import WorkflowRun
from journeyman.tools import workflows
from journeyman.tools.port import ToolResult, text_result
from journeyman.tools.workflows import RunInput, StopInput
from journeyman.wire.ids import new_id
from journeyman.workflows.messages import Failed

JsonObject = dict[str, Any]

MOST_RUNS = 5
"""Open at one time in a session."""
MOST_OF_A_RUN = 1_000
"""Threads that one run may make."""


class Planning:
    """Of one session."""

    def __init__(self, plans: Plans, state: SessionState) -> None:
        self._plans = plans
        self._state = state

    async def settle(self, call: Call, pen: Pen, wake: Callable[[], None]) -> None:
        """A call that starts, stops or waited for runs: its effects and its result, in one write."""
        given = workflows.read(call.name, call.input)
        match given:
            case str():
                drafts, result = _refused(given)
            case RunInput():
                drafts, result = await self._started(given)
            case StopInput():
                drafts, result = self._stopped(given)
            case _:
                drafts, result = [], text_result(self._listed())
        pen.write([*drafts, draft.result_of(call, result)])
        wake()

    async def compute(self, run: WorkflowRun) -> Computed:
        """How far it comes. Calls of agents that there are not have failed."""
        outcomes = dict(run.outcomes)
        while True:
            computed = await self._plans.compute(run.plan, outcomes)
            wrong = {
                each.key: {"error": found}
                for each in computed.wanted
                if each.key not in run.threads and isinstance(found := self._agent(run, each), str)
            }
            if not wrong:
                return computed
            outcomes |= wrong

    def carried_on(self, run: WorkflowRun, computed: Computed) -> list[Draft]:
        """The threads that it wants now, and its end if it has come to that. Its phases are told before."""
        if computed.failed is not None:
            return _failed(run, computed.failed)
        if computed.done is not None:
            told = f'The workflow run "{run.name}" ({run.id}) has finished. It returned:\n{computed.done.result}'
            return workflow_events.ended(run, {"type": "completed"}, told)
        missing = [each for each in computed.wanted if each.key not in run.threads]
        if len(run.threads) + len(missing) > MOST_OF_A_RUN:
            return ended_with_error(run, "thread_limit_error", f"The run wants more than {MOST_OF_A_RUN} threads.")
        room = roster.MOST_THREADS - len(self._state.threads_of(run))
        return [told for each in missing[: max(0, room)] for told in self._spawned(run, each)]

    def _spawned(self, run: WorkflowRun, wanted: Wanted) -> list[Draft]:
        agent, primary = self._agent(run, wanted), self._state.primary
        assert not isinstance(agent, str)
        child = Thread(new_id("sthr"), agent, primary.id, run.id)
        task = {"from_session_thread_id": primary.id, "content": [{"type": "text", "text": asked(wanted)}]}
        return [
            *draft.thread_begun(child, {"key": wanted.key, "schema": wanted.schema}),
            Draft("agent.thread_message_received", task, thread=child.id, shown=False),
        ]

    def _agent(self, run: WorkflowRun, wanted: Wanted) -> JsonObject | str:
        """Whom a call means, or what is wrong."""
        author = self._state.agent
        if isinstance(wanted.agent, str):
            known = roster.called(roster.of_workflows(author))
            return (
                known.get(wanted.agent) or f'There is no agent "{wanted.agent}". Agents: {", ".join(known) or "none"}.'
            )
        if not roster.workflows_may_define(author):
            return "Agents cannot be defined here: name one of those there are."
        found = defined(wanted.agent, author, "agent", on_budget=run.on_budget)
        return f"agent: {found}" if isinstance(found, str) else found

    async def _started(self, given: RunInput) -> tuple[list[Draft], ToolResult]:
        if len(self._state.open_runs) >= MOST_RUNS:
            message = f"At most {MOST_RUNS} workflow runs can be open at one time."
            return [workflow_events.refused("max_workflow_runs_error", message)], text_result(message, is_error=True)
        found = await self._plans.check(given.plan)
        if isinstance(found, str):
            told = workflow_events.refused("program_error", "The plan was refused: it is not a valid program.")
            return [told], text_result(f"The plan cannot run.\n{found}", is_error=True)
        run_id = new_id("wrun")
        name = given.name or f"workflow {len(self._state.runs) + 1}"
        phases = [{"id": new_id("wphs"), "name": name, "description": text} for name, text in found]
        private = {"plan": given.plan, "on_budget": self._state.budget is not None}
        drafts = workflow_events.created(run_id, name, given.description, phases, private)
        return drafts, text_result(f"The run {run_id} has begun. What it returns will come as a message.")

    def _stopped(self, given: StopInput) -> tuple[list[Draft], ToolResult]:
        run = self._state.runs.get(given.workflow_run_id)
        if run is None or not run.is_open:
            what = "has ended" if run else "is not known"
            return _refused(f"The run {given.workflow_run_id} {what}. {self._listed()}")
        return stopped(run), text_result(f"The run {run.id} is stopped.")

    def _listed(self) -> str:
        lines = [f"- {run.name} ({run.id}): {run.status}" for run in self._state.runs.values()]
        return "\n".join(["Workflow runs:", *(lines or ["none"])])


def _failed(run: WorkflowRun, failed: Failed) -> list[Draft]:
    where = "" if failed.line is None else f" (line {failed.line})"
    said = f"{failed.message}{where}"
    return ended_with_error(run, f"{failed.kind}_error", f"{said} {failed.detail or ''}".strip(), said)


def stopped(run: WorkflowRun, *, wakes: bool = True) -> list[Draft]:
    """`wakes`: whether the agent is to go on because of it; else it knows of it when it does."""
    told = f'The workflow run "{run.name}" ({run.id}) was stopped.'
    return workflow_events.ended(run, {"type": "stopped"}, told, wakes=wakes)


def ended_with_error(run: WorkflowRun, kind: str, message: str, shown: str | None = None) -> list[Draft]:
    """The wire has what went wrong in words that nothing of the run stands in; the model is told what it was."""
    error = {"type": kind, "message": shown or _SHOWN.get(kind, "The run failed.")}
    told = f'The workflow run "{run.name}" ({run.id}) has failed: {message}'
    return workflow_events.ended(run, {"type": "error", "error": error}, told)


_SHOWN = {
    "program_error": "The plan failed.",
    "timeout_error": "The run reached its time limit.",
    "thread_limit_error": "The run wanted more threads than it may have.",
}


def _refused(text: str) -> tuple[list[Draft], ToolResult]:
    return [], text_result(text, is_error=True)
