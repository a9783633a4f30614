"""Grading the work towards an outcome: a request of the grader's, and the looks at files that it asks for.

Each request is a step of its own, and what came of it is in the log before the next: an evaluation whose brain died, or
whose session paused at its budget, goes on where it was.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from journeyman.models.port import ModelError, ModelRequest
from journeyman.runtime import guarded
from journeyman.runtime.answer import Answer
from journeyman.runtime.computer import Computer
from journeyman.runtime.draft import Draft, ModelUsage
from journeyman.runtime.grading_request import grading_request
from journeyman.runtime.outcome import Outcome
from journeyman.runtime.parts import Parts
from journeyman.runtime.pen import Pen
from journeyman.runtime.pricing import priced
from journeyman.runtime.session import SessionState, turn_of
from journeyman.runtime.thread import Thread, acceptable
from journeyman.runtime.turn import Failure, failure_kind
from journeyman.sandboxes.port import Run, SandboxError, StaleRun
from journeyman.store.port import Claim
from journeyman.telemetry.port import ModelRequest as Asked
from journeyman.telemetry.port import Span
from journeyman.tools import verdict
from journeyman.tools.port import ToolCall, ToolContext, ToolResult, text_result
from journeyman.wire.ids import new_id
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_LOOKS = ("read", "glob", "grep")
_NO_VERDICT = "Give your verdict by calling give_verdict."
_LAST = "This was your last look: call give_verdict now."
_UNDECIDED = "The grader gave no verdict."
_IN_VAIN = 2
"""Reminders in a row to a grader that only talks: then it has failed."""
_REFUSED = "The grader's model refused to judge this work."

_log = logging.getLogger("journeyman.grading")


class Grader:
    """Grades what the primary thread of a session has done."""

    def __init__(
        self, parts: Parts, claim: Claim, state: SessionState, worker: Thread, pen: Pen, computer: Computer
    ) -> None:
        self._parts = parts
        self._claim = claim
        self._state = state
        self._worker = worker
        self._pen = pen
        self._computer = computer
        self._usage = ModelUsage()
        """Of a request whose tokens are not in the log yet."""

    async def ask(self, outcome: Outcome) -> Failure | None:
        """One request, in the log when this returns None: either the verdict, or what the grader looked at."""
        if outcome.evaluation is None:
            if self._computer.gathering:
                await self._computer.gathered()
            self._pen.write([outcome.started(new_id("sevt"))])
        async with self._heartbeat(outcome):
            try:
                answer = await self._answer(outcome)
            except ModelError as error:
                drafts = [outcome.going_on(*self._spent())]
                return Failure(drafts, failure_kind(error), error.message, error.transient, error.retry_after)
            told = await self._conclude(outcome, answer)
        self._pen.write([told], hold=True)
        return None

    def interrupted(self, outcome: Outcome) -> Draft:
        """The end of an outcome that an interrupt makes, with what a request under way has used."""
        return outcome.interrupted(*self._spent())

    @asynccontextmanager
    async def _heartbeat(self, outcome: Outcome) -> AsyncGenerator[None]:
        """Signs of life beside the work, which waits for none of them."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._parts.settings.evaluation_heartbeat)
                self._pen.write([outcome.alive()])

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):  # a log that is lost is met by whoever writes
                await beating

    async def _answer(self, outcome: Outcome) -> Answer:
        request = self._request(outcome)
        claim, answer, began = self._claim, Answer(None), now_us()
        self._usage = answer.usage
        first, error = None, None
        async with self._parts.requests.taken(claim.workspace_id, claim.session_id):
            await self._pen.own()
            try:
                async with aclosing(guarded.stream(self._parts.models, request)) as events:
                    async for event in events:
                        first = first or now_us()
                        answer.take(event)
            except ModelError as failed:
                error = failed.kind
                raise
            except asyncio.CancelledError:
                error = "interrupted"
                raise
            finally:
                self._tell(answer, Span(began, now_us(), error), first)
        return answer

    def _request(self, outcome: Outcome) -> ModelRequest:
        definitions = [self._parts.toolset.builtin(name).definition() for name in _LOOKS]
        most = self._parts.models.max_output(self._worker.model["id"])
        return grading_request(outcome, self._worker, [*definitions, verdict.definition()], most, outcome.looks)

    def _tell(self, answer: Answer, span: Span, first: int | None) -> None:
        turn = turn_of(self._claim.session_id, self._state)
        asked = Asked(turn, span, self._worker.model["id"], first, answer.usage.told(), answer.stop_reason)
        self._parts.observer.model_request(asked)

    async def _conclude(self, outcome: Outcome, answer: Answer) -> Draft:
        """The end of the evaluation, or what the grader is told and shown."""
        content = acceptable([block for _, block in answer.blocks()])
        calls = [block for block in content if block["type"] == "tool_use"]
        results: list[JsonObject] = []
        for call in calls:
            if call["name"] == verdict.NAME:
                found = verdict.read_verdict(call["input"])
                if not isinstance(found, str):
                    return outcome.judged(found.result, found.explanation, *self._spent())
                result = text_result(found, is_error=True)
            else:
                result = await self._look(call)
            results.append(_result(call, result))
        if answer.stop_reason == "refusal":
            return outcome.ended("failed", _REFUSED, *self._spent())
        asked = outcome.requests + 1
        only_talks = not calls and outcome.looks[-2 * _IN_VAIN :].count(_reminder()) == _IN_VAIN
        if only_talks or asked >= self._parts.settings.evaluation_requests:
            return outcome.ended("failed", _UNDECIDED, *self._spent())
        told = [] if calls else [_text(_NO_VERDICT)]
        if asked + 1 == self._parts.settings.evaluation_requests:
            told = [_text(_LAST)]
        said = [{"role": "assistant", "content": content}, {"role": "user", "content": [*results, *told]}]
        return outcome.going_on(*self._spent(), said)

    async def _look(self, call: JsonObject) -> ToolResult:
        if call["name"] not in _LOOKS:
            return text_result(f"There is no tool {call['name']}.", is_error=True)
        claim = self._claim
        context = ToolContext(
            sandbox=claim.session_id,
            run=Run(call["id"], claim.fence),
            sandboxes=self._parts.sandboxes,
            config={},
            read_only=True,
        )
        try:
            async with self._parts.runs.taken(claim.workspace_id, claim.session_id), self._computer.furnished():
                tool = self._parts.toolset.builtin(call["name"])
                return await tool.run(ToolCall(call["id"], call["name"], call["input"]), context)
        except StaleRun:
            raise
        except SandboxError as error:
            return text_result(str(error), is_error=True)
        except Exception:
            _log.exception("session %s: a grader's %s failed", claim.session_id, call["name"])
            return text_result("The tool failed unexpectedly.", is_error=True)

    def _spent(self) -> tuple[ModelUsage, JsonObject]:
        """By requests that are not in the log yet, and what that cost."""
        usage, self._usage = self._usage, ModelUsage()
        return usage, priced(self._worker.model, usage, self._parts.unpriced)


def _result(call: JsonObject, result: ToolResult) -> JsonObject:
    return {
        "type": "tool_result", "tool_use_id": call["id"], "content": result.content, "is_error": result.is_error,
    }  # fmt: skip


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _reminder() -> JsonObject:
    return {"role": "user", "content": [_text(_NO_VERDICT)]}
