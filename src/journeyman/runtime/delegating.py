"""Carrying out the calls that concern other threads. Each is one write: a call that died before it did nothing."""

from collections.abc import Callable
from typing import Any

from journeyman.runtime import draft, reports, roster
from journeyman.runtime.defining import defined
from journeyman.runtime.draft import Draft
from journeyman.runtime.pen import Pen
from journeyman.runtime.session import SessionState
from journeyman.runtime.thread import Call, Thread
from journeyman.tools import agents
from journeyman.tools.agents import DefineInput, SendInput, SpawnInput, ToolInput, WaitInput
from journeyman.tools.port import ToolResult, text_result
from journeyman.wire.ids import new_id

JsonObject = dict[str, Any]


class Delegation:
    """For the calls of one thread."""

    def __init__(self, state: SessionState, thread: Thread, pen: Pen, wake: Callable[[], None]) -> None:
        self._state = state
        self._thread = thread
        self._pen = pen
        self._wake = wake

    def settle(self, call: Call) -> None:
        """Its effects and its result."""
        given = agents.read(call.name, call.input, inline=roster.allows_inline(self._thread.agent))
        drafts, result = _refused(given) if isinstance(given, str) else self._outcome(given)
        self._pen.write([*drafts, draft.result_of(call, result)])
        self._wake()

    def _outcome(self, given: ToolInput) -> tuple[list[Draft], ToolResult]:
        match given:
            case SpawnInput():
                return self._spawn(self._member(given.agent), given.task)
            case DefineInput():
                return self._spawn(self._chosen(given), given.task)
            case SendInput():
                return self._send(given)
            case WaitInput():
                return [], self._waited(given)
            case _:
                return [], text_result(self._listed())

    def _chosen(self, given: DefineInput) -> JsonObject | str:
        if given.agent is not None:
            return 'Give either "agent" or "inline_agent".' if given.inline_agent else self._member(given.agent)
        number = 1 + sum(each.agent.get("type") == "inline" for each in self._state.children.values())
        on_budget = self._state.budget is not None
        found = defined(given.inline_agent or {}, self._thread.agent, f"agent-{number}", on_budget=on_budget)
        return f"inline_agent: {found}" if isinstance(found, str) else found

    def _member(self, name: str) -> JsonObject | str:
        """An agent of the roster, or what is wrong."""
        known = roster.called(roster.members(self._thread.agent))
        return known.get(name) or f'There is no agent "{name}" to delegate to. Agents: {", ".join(known) or "none"}.'

    def _spawn(self, member: JsonObject | str, task: str) -> tuple[list[Draft], ToolResult]:
        if isinstance(member, str):
            return _refused(member)
        living = [each for each in self._children() if each.status != "terminated"]
        if len(living) >= roster.MOST_THREADS:
            return _refused(f"There are {len(living)} agents, the most there can be. Send it to one that has finished.")
        child = Thread(new_id("sthr"), member, self._thread.id)
        message = reports.sent(self._thread, child, [{"type": "text", "text": task}])
        told = f"{child.name} works on it in thread {child.id}. Its answer will come as a message."
        return [*draft.thread_begun(child, {}), *message], text_result(told)

    def _send(self, given: SendInput) -> tuple[list[Draft], ToolResult]:
        child = next((each for each in self._children() if each.id == given.session_thread_id), None)
        if child is None or child.status == "terminated":
            what = "is archived" if child else "is none of the threads you spawned"
            return _refused(f"{given.session_thread_id} {what}. {self._listed()}")
        told = text_result(f"Sent to {child.name}. Its answer will come as a message.")
        return reports.sent(self._thread, child, [{"type": "text", "text": given.message}]), told

    def _waited(self, given: WaitInput) -> ToolResult:
        known = {each.id: each for each in self._children()}
        unknown = [each for each in given.session_thread_ids or [] if each not in known]
        if unknown:
            return text_result(f"No such threads: {', '.join(unknown)}. {self._listed()}", is_error=True)
        waited_for = [known[each] for each in given.session_thread_ids or known]
        if not waited_for:
            return text_result("There is no agent to wait for.")
        return text_result("\n".join(map(_line, waited_for)))

    def _listed(self) -> str:
        known = roster.called(roster.members(self._thread.agent))
        lines = [f"- {name}: {each['description'] or ''}" for name, each in known.items()]
        threads = [f"- {_line(each)}" for each in self._children()]
        return "\n".join(["Agents:", *(lines or ["none"]), "Threads:", *(threads or ["none"])])

    def _children(self) -> list[Thread]:
        return [each for each in self._state.children.values() if each.is_delegate]


def _line(thread: Thread) -> str:
    if thread.waiting:
        state = "waits for an answer of the user's"
    elif thread.paused:
        state = "is paused at the session's budget"
    else:
        state = {"terminated": "is archived", "idle": "has finished"}.get(thread.status, "is at work")
    return f"{thread.name} (thread {thread.id}) {state}."


def _refused(text: str) -> tuple[list[Draft], ToolResult]:
    return [], text_result(text, is_error=True)
