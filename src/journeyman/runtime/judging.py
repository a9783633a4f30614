"""Asking a model whether calls may run. It fails to `ask`, never to `allow`."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from journeyman.models.port import ModelError, ModelRequest, Models
from journeyman.permissions.question import SYSTEM, Verdict, question, verdict
from journeyman.runtime.answer import Answer
from journeyman.telemetry.port import Span
from journeyman.wire.times import now_us

JsonObject = dict[str, Any]

_log = logging.getLogger("journeyman.permissions")

_MOST_TOKENS = 4_096
"""Of an answer: a model that thinks first has room to."""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """A request to the judge that is over, however it ended."""

    answer: Answer
    span: Span
    first: int | None


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that is asked about each call by itself."""

    models: Models
    model: str
    seconds: float = 20.0
    """For all calls of one answer."""

    async def verdicts(
        self, calls: Sequence[Mapping[str, Any]], said: Sequence[str], told: Callable[[Asking], None]
    ) -> list[Verdict]:
        """In the order of the calls. `said` is what the person has said, oldest first; `told` hears of each request,
        of those that are cut too."""
        slots = asyncio.Semaphore(_AT_ONCE)
        end = asyncio.get_running_loop().time() + self.seconds
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._verdict(call, said, told, slots, end)) for call in calls]
        return [task.result() for task in tasks]

    async def _verdict(
        self,
        call: Mapping[str, Any],
        said: Sequence[str],
        told: Callable[[Asking], None],
        slots: asyncio.Semaphore,
        end: float,
    ) -> Verdict:
        text = question(said, call)
        if text is None:
            return "ask"
        try:
            async with asyncio.timeout_at(end), slots:
                return await self._ask(text, told)
        except TimeoutError:
            _log.warning("the judge %s did not answer within %g s: the call asks", self.model, self.seconds)
        except ModelError as error:
            _log.warning("the judge %s could not be asked: the call asks: %s", self.model, error.message)
        except Exception:
            _log.exception("the judge %s failed: the call asks", self.model)
        return "ask"

    async def _ask(self, text: str, told: Callable[[Asking], None]) -> Verdict:
        request = ModelRequest(
            model=self.model,
            system=[{"type": "text", "text": SYSTEM}],
            messages=[{"role": "user", "content": [{"type": "text", "text": text}]}],
            tools=[],
            max_tokens=min(_MOST_TOKENS, self.models.max_output(self.model)),
        )
        stream = self.models.find(self.model).stream(request)
        answer, began, first, problem = Answer(None), now_us(), None, "failed"
        try:
            async with aclosing(stream):
                async for event in stream:
                    first = first or now_us()
                    answer.take(event)
            problem = None
        except ModelError as error:
            problem = error.kind
            raise
        finally:
            told(Asking(answer, Span(began, now_us(), problem), first))
        blocks = [block for _, block in answer.blocks() if block["type"] not in ("thinking", "redacted_thinking")]
        if any(block["type"] != "text" for block in blocks):
            return "ask"
        return verdict("".join(block["text"] for block in blocks), answer.stop_reason)
