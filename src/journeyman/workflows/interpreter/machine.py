"""The interpreter of one run."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from journeyman.workflows.bindings import names_of_plan
from journeyman.workflows.interpreter import agents, exceptions, functions
from journeyman.workflows.interpreter.branches import Branch, Line, Outcome, Schedule
from journeyman.workflows.interpreter.fault import Fault, too_much
from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.statements import Returned, Statements
from journeyman.workflows.interpreter.values import Evaluation, Function, Scope, Value
from journeyman.workflows.limits import Limits
from journeyman.workflows.plan import Plan


class Interpreter(Statements):
    """Walks a checked plan's tree."""

    def __init__(self, plan: Plan, limits: Limits, line: Line, known: Mapping[str, Outcome]) -> None:
        super().__init__()
        self.site = 0
        self.builtins = functions.functions() | functions.kinds() | exceptions.kinds() | agents.functions()
        calls = [node for node in _in_order(plan.tree) if isinstance(node, ast.Call)]
        self.sites = {call: number for number, call in enumerate(calls)}
        self._lines = [call.lineno for call in calls]
        self._tree = plan.tree
        self._phases = {phase.name: number for number, phase in enumerate(plan.phases)}
        self._line = line
        root = Branch(None, 0, "")
        self.heap = Heap(limits, root)
        self._schedule = Schedule(self.heap, line, known, root)

    def run(self) -> str:
        """The plan's result as JSON. Raises what the plan raises, and Faults."""
        scope = Scope(names_of_plan(self._tree), None, self.heap.owner)
        value = self._schedule.run(self._plan(scope))
        try:
            return agents.as_json(self, value)
        except (TypeError, ValueError) as error:
            raise Fault("program", "The plan's result is not data that JSON can hold.") from error

    def _plan(self, scope: Scope) -> Evaluation:
        """What it returns, or else what its last statement evaluates to."""
        *before, last = self._tree.body or [ast.Pass(lineno=1)]
        if not isinstance(last, ast.Expr):
            left = yield from self.block([*before, last], scope)
            return left.value if isinstance(left, Returned) else None
        left = yield from self.block(before, scope)
        if isinstance(left, Returned):
            return left.value
        try:
            return (yield from self.evaluate(last.value, scope))
        except Exception as error:
            vars(error).setdefault("line", last.lineno)
            raise

    @property
    def handled(self) -> list[Exception]:
        return self._schedule.branch.handled

    @property
    def line(self) -> int:
        return self._lines[self.site]

    def key(self, site: int) -> str:
        return self._schedule.branch.key(site)

    def say(self, kind: str, /, **fields: Any) -> None:
        self._line.say(kind, **fields)

    def call(self, function: Value, args: Sequence[Value], kwargs: Mapping[str, Value], site: int) -> Evaluation:
        if not isinstance(function, Function):
            return (yield from self.builtin(function, args, kwargs, site))
        chain = self._schedule.branch.chain
        if len(chain) >= self.heap.limits.depth:
            raise too_much(f"calls functions in functions more than {self.heap.limits.depth} deep")
        scope = self.bound(function, args, kwargs)
        chain.append(site)
        try:
            if isinstance(function.body, ast.expr):
                return (yield from self.evaluate(function.body, scope))
            left = yield from self.block(function.body, scope)
            return left.value if isinstance(left, Returned) else None
        finally:
            chain.pop()

    def phase(self, call: ast.Call) -> tuple[str, str]:
        name = ast.literal_eval(call.args[0])
        key = self.key(self.sites[call])
        self.say("phase_started", key=key, phase=self._phases[name])
        return name, key

    def leave_phase(self, name: str, key: str) -> None:
        self.say("phase_ended", key=key, phase=self._phases[name])


def _in_order(node: ast.AST) -> list[ast.AST]:
    """All nodes, in the order of the text."""
    found = [node]
    for child in ast.iter_child_nodes(node):
        found += _in_order(child)
    return found
