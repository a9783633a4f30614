"""Running plans: in the interpreter's own process, or, where thousands are run, by the same interpreter in this one."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from journeyman.workflows.interpreter.branches import Outcome as Inner
from journeyman.workflows.interpreter.machine import Interpreter
from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import Call, Done, Failed, Log, Message
from journeyman.workflows.plan import check
from journeyman.workflows.runner import Outcome, Run

Answer = Callable[[Call], Any]


@dataclass
class Told:
    """All that a run said."""

    messages: list[Message] = field(default_factory=list)

    @property
    def last(self) -> Message:
        return self.messages[-1]

    @property
    def result(self) -> Any:
        assert isinstance(self.last, Done), self.last
        return json.loads(self.last.result)

    @property
    def failed(self) -> Failed:
        assert isinstance(self.last, Failed), self.last
        return self.last

    @property
    def calls(self) -> list[Call]:
        return [message for message in self.messages if isinstance(message, Call)]

    @property
    def logs(self) -> list[str]:
        return [message.text for message in self.messages if isinstance(message, Log)]


def echo(call: Call) -> Any:
    return f"<{call.task}>"


def outcome(answer: Any) -> Outcome:
    return Outcome(error=str(answer)) if isinstance(answer, Exception) else Outcome(json.dumps(answer))


async def run(
    plan: str, answer: Answer = echo, *, limits: Limits | None = None, known: Mapping[str, Outcome] | None = None
) -> Told:
    told = Told()
    async with asyncio.timeout(30), Run(plan, known, limits) as running:
        async for message in running:
            told.messages.append(message)
            if isinstance(message, Call):
                running.answer(message.key, outcome(answer(message)))
    return told


class Here:
    """The line of an interpreter in this process. `choose` says which of the waiting calls is answered next."""

    def __init__(self, choose: Callable[[list[str]], str] = lambda keys: keys[0]) -> None:
        self.said: list[dict[str, Any]] = []
        self.waiting: dict[str, str] = {}
        self._choose = choose

    def say(self, kind: str, /, **fields: Any) -> None:
        self.said.append({"type": kind, **fields})
        if kind == "call":
            self.waiting[fields["key"]] = fields["task"]

    def wait(self) -> tuple[str, Inner]:
        key = self._choose(list(self.waiting))
        return key, Inner(json.dumps(f"<{self.waiting.pop(key)}>"))


def here(plan: str, line: Here | None = None, limits: Limits | None = None) -> Any:
    limits = limits or Limits()
    return json.loads(Interpreter(check(plan, limits), limits, line or Here(), {}).run())
