"""Asking the model: one request, its spans, and what its answer becomes in the log."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from journeyman.models.port import ModelError, ModelRequest, Models
from journeyman.runtime import guarded, roster
from journeyman.runtime.advising import advice, consultation, consulted
from journeyman.runtime.answer import Answer, Preview
from journeyman.runtime.compaction import compaction_request, summary_blocks
from journeyman.runtime.draft import Draft, request_end
from journeyman.runtime.hub import Hub
from journeyman.runtime.judging import Asking, Judge
from journeyman.runtime.pen import Pen
from journeyman.runtime.permissions import Called, evaluate
from journeyman.runtime.pricing import priced
from journeyman.runtime.prompt import build_request
from journeyman.runtime.session import SessionState, said, turn_of
from journeyman.runtime.sources import Sources
from journeyman.runtime.thread import Thread
from journeyman.store.port import Claim
from journeyman.telemetry.port import ModelRequest as Asked
from journeyman.telemetry.port import Observer, Span
from journeyman.tools import agents, workflows
from journeyman.tools.mcp.servers import McpRun
from journeyman.tools.registry import Toolset
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_TOO_LONG = ("prompt is too long", "context_length_exceeded", "maximum context length", "exceeds the context window")


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that gave no answer: the rows that close it, and what to say of it."""

    drafts: list[Draft]
    kind: str
    message: str
    transient: bool = False
    retry_after: float | None = None


@dataclass(slots=True)
class _Told:
    """When a request began and its answer did, and what went wrong."""

    began: int
    first: int | None = None
    error: str | None = None


class ModelTurn:
    """Asks on behalf of one thread."""

    def __init__(
        self,
        models: Models,
        toolset: Toolset,
        hub: Hub,
        claim: Claim,
        state: SessionState,
        thread: Thread,
        journal: Pen,
        announced: Callable[[str], None],
        unpriced: set[str],
        observer: Observer,
        sources: Sources | None,
        mcp: McpRun,
        notes: Callable[[], Sequence[str]],
        skills: Callable[[], Sequence[JsonObject]],
        language: str,
        judge: Judge | None = None,
    ) -> None:
        """`announced` is told the name of each tool that an answer begins to call; `unpriced` are the models without
        a known price that were named in the server's log."""
        self._models = models
        self._toolset = toolset
        self._hub = hub
        self._claim = claim
        self._state = state
        self._thread = thread
        self._journal = journal
        self._announced = announced
        self._answer: Answer | None = None
        self._unpriced = unpriced
        self._observer = observer
        self._sources = sources
        self._mcp = mcp
        self._notes = notes
        self._skills = skills
        self._judge = judge
        self._judged: list[JsonObject] = []
        """What asking the judge about the answer under way has used."""
        self._language = language

    def cut(self, start: str) -> Draft:
        """The end of a request that was interrupted."""
        return self._end(start, self._answer or Answer(None), {}, is_error=True)

    async def ask(self) -> Failure | None:
        """One request and its answer, in the log when this returns None."""
        start = self._open_span()
        try:
            answer = await self._stream(await self._request(), self._preview())
        except ModelError as error:
            return self._failed(start, error)
        rows = self._rows(answer, await self._permitted(answer))
        self._journal.write([*rows, self._end(start, answer, self._private(answer))], hold=True)
        return None

    async def compact(self, most: int) -> Failure | None:
        """Have the conversation summarised, and go on from the summary."""
        thread = self._thread
        clip = thread.compactions > 0 or thread.refused > 1
        if thread.compactions >= most or thread.refused > 2:
            text = "The context cannot be made smaller by compacting it; what was said last is too large for the model."
            return Failure([], "compaction_limit_reached_error", text)
        request = compaction_request(await self._request(), clip=clip)
        start = self._open_span()
        try:
            answer = await self._stream(request, None)
        except ModelError as error:
            return self._failed(start, error)
        summary = "\n".join(block["text"] for _, block in answer.blocks() if block["type"] == "text")
        if not summary:
            end = self._end(start, answer, {}, is_error=True)
            return Failure([end], "model_request_failed_error", "The model gave no summary to compact with.", True)
        private = {"summary": summary_blocks(summary, thread.last_words)}
        compacted = Draft("agent.thread_context_compacted", {}, private=private)
        self._journal.write([compacted, self._end(start, answer, {})])
        return None

    def _open_span(self) -> str:
        start = new_id("sevt")
        self._answer, self._judged = None, []
        self._journal.write([Draft("span.model_request_start", {}, id=start)])
        return start

    async def _request(self) -> ModelRequest:
        thread, most = self._thread, self._models.max_output(self._thread.model["id"])
        if thread.is_advisor:
            return consultation(self._state.primary, thread.model["id"], most)
        agent_tools = thread.agent["tools"]
        tools = [*self._toolset.definitions(agent_tools), *self._mcp.definitions(agent_tools)]
        tools += roster.offered(thread, self._language)
        request = build_request(thread, tools, most, self._notes(), self._skills())
        if self._sources is None or not self._thread.has_files:
            return request
        return replace(request, messages=await self._sources.filled(self._claim.workspace_id, request.messages))

    async def _stream(self, request: ModelRequest, preview: Preview | None) -> Answer:
        self._answer = answer = Answer(preview)
        told = _Told(now_us())
        try:
            await self._read(request, answer, told)
        except ModelError as error:
            told.error = error.kind
            raise
        except asyncio.CancelledError:
            told.error = "interrupted"
            raise
        finally:
            self._tell(answer, Span(told.began, now_us(), told.error), told.first, self._thread.model["id"])
        return answer

    async def _read(self, request: ModelRequest, answer: Answer, told: "_Told") -> None:
        async with aclosing(guarded.stream(self._models, request)) as events:
            async for event in events:
                if told.first is None:
                    told.first = now_us()
                    # The request may run ahead of its span's commit; what it says may not.
                    await self._journal.flush()
                answer.take(event)
                if answer.announced is not None:
                    self._announced(answer.announced)
                    answer.announced = None
                if answer.thought is not None:
                    self._journal.write([Draft("agent.thinking", {}, id=answer.thought)])
                    answer.thought = None
                    await self._journal.flush()  # before the previews of what follows it

    def _tell(self, answer: Answer, span: Span, first: int | None, model: str) -> None:
        turn = turn_of(self._claim.session_id, self._state)
        self._observer.model_request(Asked(turn, span, model, first, answer.usage.told(), answer.stop_reason))

    def _preview(self) -> Preview | None:
        session, thread = self._claim.session_id, self._thread
        if thread.is_advisor:
            return None

        def show(of: str, frame: JsonObject) -> None:
            if self._hub.wants_previews(session):
                self._hub.preview(session, frame, of=of, thread_id=thread.id, primary=thread.parent is None)

        return show

    async def _permitted(self, answer: Answer) -> dict[str, tuple[Called, JsonObject]]:
        """Of each call that a policy is for, by its event's id. The judge is a model too: past the session's budget it
        is not asked."""
        calls = {id_: called for id_, block in answer.blocks() if (called := self._called(block)) is not None}
        spent = self._state.is_spent(now_us(), self._priced(self._thread.model, answer)["nano"] or 0)
        judge = None if spent else self._judge
        found = await evaluate(list(calls.values()), judge, said(self._state, self._thread), self._count_judging)
        return {id_: (called, permit) for (id_, called), permit in zip(calls.items(), found, strict=True)}

    def _called(self, block: JsonObject) -> Called | None:
        thread = self._thread
        if block["type"] != "tool_use" or thread.is_advisor or self._is_of_agents(block["name"]):
            return None
        found = self._mcp.find(thread.agent["tools"], block["name"])
        if found is not None:
            offered, tool = found
            return Called(tool, offered.name, block["input"], offered.server)
        tool = self._toolset.resolve(thread.agent["tools"], block["name"])
        return None if tool.kind == "custom" else Called(tool, block["name"], block["input"])

    def _is_of_agents(self, name: str) -> bool:
        """It talks to another agent or an advisor: no policy is for that."""
        thread = self._thread
        advised = thread.parent is None and roster.advisor(thread.agent) is not None
        return (advised and name == agents.ADVISOR) or self._concerns_others(name)

    def _count_judging(self, asking: Asking) -> None:
        assert self._judge is not None
        model = {"id": self._judge.model}
        self._judged.append(self._priced(model, asking.answer) | {"usage": asking.answer.usage.wire()})
        self._tell(asking.answer, asking.span, asking.first, self._judge.model)

    def _rows(self, answer: Answer, permitted: Mapping[str, tuple[Called, JsonObject]]) -> list[Draft]:
        if self._thread.is_advisor:
            return advice(self._thread, self._state.primary, [block for _, block in answer.blocks()])
        rows: list[Draft] = []
        for event_id, block in answer.blocks():
            if block["type"] == "text":
                if rows and rows[-1].id == event_id:
                    rows[-1].fields["content"].append(block)
                else:
                    rows.append(Draft("agent.message", {"content": [block]}, id=event_id))
            elif block["type"] == "tool_use":
                rows += self._tool_use(event_id, block, permitted.get(event_id))
        return rows

    def _tool_use(self, event_id: str, block: JsonObject, permitted: tuple[Called, JsonObject] | None) -> list[Draft]:
        thread = self._thread
        model = roster.advisor(thread.agent) if thread.parent is None else None
        if model is not None and block["name"] == agents.ADVISOR:
            return consulted(thread, model, {"id": event_id, "name": block["name"], "input": block["input"]})
        fields: JsonObject = {"name": block["name"], "input": block["input"], "session_thread_id": None}
        if self._concerns_others(block["name"]):
            allowed = {"evaluated_permission": "allow", "evaluation": {"type": "always_allow"}}
            return [Draft("agent.tool_use", fields | allowed, id=event_id, private={"kind": "agents"})]
        if permitted is None:
            return [self._asking("agent.custom_tool_use", fields, event_id)]
        called, permit = permitted
        if called.server:
            named = {"mcp_server_name": called.server, "name": called.name, "input": called.input}
            return [self._asking("agent.mcp_tool_use", {**named, "session_thread_id": None} | permit, event_id)]
        return [self._asking("agent.tool_use", fields | permit, event_id)]

    def _concerns_others(self, name: str) -> bool:
        if agents.is_delegation(name):
            return roster.delegates(self._thread)
        return workflows.is_workflow(name) and roster.runs_workflows(self._thread)

    def _asking(self, type_: str, fields: JsonObject, event_id: str) -> Draft:
        """What waits for the client is on the session's own stream, whichever thread it is of."""
        thread = self._thread
        if thread.parent is None or fields.get("evaluated_permission", "ask") != "ask":
            return Draft(type_, fields, id=event_id)
        return Draft(type_, {**fields, "session_thread_id": thread.id}, id=event_id, thread=thread.id)

    def _private(self, answer: Answer) -> JsonObject:
        outcome: JsonObject = {"stop_reason": answer.stop_reason}
        if answer.stop_details is not None:
            outcome["stop_details"] = answer.stop_details
        return {"content": [block for _, block in answer.blocks()], "outcome": outcome}

    def _end(self, start: str, answer: Answer, private: JsonObject, *, is_error: bool = False) -> Draft:
        private = private | self._priced(self._thread.model, answer)
        if self._judged:
            private["judged"] = self._judged
        return request_end(start, answer.usage, is_error=is_error, private=private)

    def _priced(self, model: JsonObject, answer: Answer) -> JsonObject:
        return priced(model, answer.usage, self._unpriced)

    def _failed(self, start: str, error: ModelError) -> Failure | None:
        answer = self._answer or Answer(None)
        too_long = not error.transient and any(hint in error.message.lower() for hint in _TOO_LONG)
        if too_long and len(self._thread.history) > 1:
            self._journal.write([self._end(start, answer, {"too_long": True}, is_error=True)])
            return None
        end = self._end(start, answer, {}, is_error=True)
        return Failure([end], failure_kind(error), error.message, error.transient, error.retry_after)


def failure_kind(error: ModelError) -> str:
    """The wire's type of it."""
    return {
        "overloaded": "model_overloaded_error",
        "rate_limited": "model_rate_limited_error",
        "billing": "billing_error",
        "failed": "model_request_failed_error",
    }[error.kind]
