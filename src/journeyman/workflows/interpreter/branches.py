"""Branches of a run, and which of them goes on next.

A branch runs until it waits for an agent or for its own branches. Those that can go on do so in a fixed order, and no
branch sees what another changes, so that it makes no difference to any of them in what order agents answer.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from journeyman.workflows.interpreter.exceptions import AgentError
from journeyman.workflows.interpreter.fault import too_much
from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import Evaluation, Owner, Value


class Outcome(NamedTuple):
    """How an agent's call ended: JSON text, or why it failed."""

    value: str | None = None
    error: str | None = None


class Ask(NamedTuple):
    """A branch waits for an agent."""

    key: str
    call: Mapping[str, Any]


class Fork(NamedTuple):
    """A branch waits for branches of its own. It is sent a Settled for each, in this order."""

    key: str
    evaluations: Sequence[Evaluation]


class Settled(NamedTuple):
    """How a branch ended."""

    value: Value = None
    error: Exception | None = None


class Line(Protocol):
    """To the server."""

    def say(self, kind: str, /, **fields: Any) -> None: ...

    def wait(self) -> tuple[str, Outcome]:
        """The next result of a call. The run ends when the server is gone."""
        ...


class Branch:
    """One strand of the run: its place in the plan, and what it has done there."""

    def __init__(self, parent: "Branch | None", number: int, path: str) -> None:
        self.parent: Owner | None = parent
        self.above = parent
        self.number = number
        self.path = path
        self.joined = False
        self.chain: list[int] = []
        """The calls of functions that have led here from the branch's beginning."""
        self.handled: list[Exception] = []
        """What the `except` blocks hold that are under way."""
        self.evaluation: Evaluation | None = None
        self.settled: list[Settled | None] = []
        """How its own branches ended, so far."""
        self.branches: list[Branch] = []
        """Those that have ended."""
        self._times: dict[str, int] = {}

    def key(self, site: int) -> str:
        """The place, and how often the branch has been there: loops and repeated calls count."""
        place = ".".join(map(str, (*self.chain, site)))
        times = self._times.get(place, 0)
        self._times[place] = times + 1
        return f"{self.path}{place}#{times}"


class Schedule:
    """Runs the branches of a run to their end."""

    def __init__(self, heap: Heap, line: Line, known: Mapping[str, Outcome], root: Branch) -> None:
        self._heap = heap
        self._line = line
        self._known = known
        self._ready: deque[tuple[Branch, Any]] = deque()
        self._asking: dict[str, Branch] = {}
        self._branches = 0
        self._whole: Settled | None = None
        self.branch = root
        """The one that runs."""

    def run(self, evaluation: Evaluation) -> Value:
        """Its value; raises what it raises."""
        root = self.branch
        root.evaluation = evaluation
        self._ready.append((root, None))
        while self._whole is None:
            if self._ready:
                self._step(*self._ready.popleft())
            else:
                self._hear()
        if self._whole.error is not None:
            raise self._whole.error
        return self._whole.value

    def _hear(self) -> None:
        key, outcome = self._line.wait()
        branch = self._asking.pop(key, None)
        if branch is not None:
            self._ready.append((branch, self._read(outcome)))

    def _step(self, branch: Branch, reply: Any) -> None:
        """Let a branch go on until it waits."""
        assert branch.evaluation is not None
        self.branch = self._heap.owner = branch
        while True:
            try:
                request = branch.evaluation.send(reply)
            except StopIteration as end:
                self._end(branch, Settled(end.value))
                return
            except (MemoryError, RecursionError):
                raise
            except Exception as error:
                self._end(branch, Settled(error=error))
                return
            if isinstance(request, Fork):
                self._fork(branch, request)
                return
            if request.key not in self._known:
                self._asking[request.key] = branch
                self._line.say("call", key=request.key, **request.call)
                return
            reply = self._read(self._known[request.key])

    def _read(self, outcome: Outcome) -> Settled:
        if outcome.value is None:
            return Settled(error=AgentError(outcome.error or "the agent failed"))
        try:
            data = json.loads(outcome.value)
        except (ValueError, RecursionError):
            return Settled(error=AgentError("the agent's result is not JSON that a plan can hold"))
        return Settled(data)

    def _fork(self, parent: Branch, fork: Fork) -> None:
        self._branches += len(fork.evaluations)
        if self._branches > self._heap.limits.branches:
            raise too_much(f"runs more than {self._heap.limits.branches} parallel branches at one time")
        parent.settled = [None] * len(fork.evaluations)
        for number, evaluation in enumerate(fork.evaluations):
            branch = Branch(parent, number, f"{fork.key}[{number}]/")
            branch.evaluation = evaluation
            self._ready.append((branch, None))

    def _end(self, branch: Branch, settled: Settled) -> None:
        branch.evaluation = None
        parent = branch.above
        if parent is None:
            self._whole = settled
            return
        parent.settled[branch.number] = settled
        parent.branches.append(branch)
        if len(parent.branches) == len(parent.settled):
            self._branches -= len(parent.branches)
            for child in parent.branches:
                child.joined = True
            parent.branches = []
            self._ready.append((parent, parent.settled))
