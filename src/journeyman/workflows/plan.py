"""A plan's text: what it declares, or what is wrong with it and what to write instead.

Reading a hostile text can end the process that does it (Python's parser does not bear everything), so it is the
interpreter's process that calls `check`; the server asks it by `checking.check`.
"""

import ast
import warnings
from typing import NamedTuple

from journeyman.workflows.grammar import Grammar
from journeyman.workflows.limits import Limits
from journeyman.workflows.words import PHASE

_NESTING = 100
_FILE = "<plan>"


class Phase(NamedTuple):
    """A phase that the plan declares by `with phase("name", "description"):`."""

    name: str
    description: str | None = None


class Problem(NamedTuple):
    """What is wrong, and where. Lines count from 1."""

    line: int
    message: str


class Refused(Exception):
    """The plan cannot run."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"line {problem.line}: {problem.message}" for problem in problems))
        self.problems = problems


class Plan(NamedTuple):
    """A plan that may run."""

    tree: ast.Module
    phases: list[Phase]
    """In the plan's order, each name once."""
    agents: list[str]
    """The predefined agents that it names literally. Others may be computed."""


def check(text: str, limits: Limits) -> Plan:
    """The plan, or Refused with each thing that is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _check(text, limits)


def _check(text: str, limits: Limits) -> Plan:
    tree = _parse(text, limits)
    grammar = Grammar(limits)
    grammar.visit(tree)
    if grammar.problems:
        found = sorted({Problem(line, message) for line, message in grammar.problems})
        raise Refused(found[:20])
    _compile(tree)
    return Plan(tree, phases(tree), grammar.agents)


def phases(tree: ast.Module) -> list[Phase]:
    """What a checked plan declares: calls of `phase` have literal arguments."""
    found: dict[str, str | None] = {}
    for call in _phase_calls(tree):
        name, *rest = [ast.literal_eval(argument) for argument in (*call.args, *(k.value for k in call.keywords))]
        description = rest[0] if rest else None
        found[name] = found.get(name) or description
    return [Phase(name, description) for name, description in found.items()]


def _phase_calls(node: ast.AST) -> list[ast.Call]:
    """In the order of the text."""
    calls: list[ast.Call] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == PHASE:
        calls.append(node)
    for child in ast.iter_child_nodes(node):
        calls += _phase_calls(child)
    return calls


def _parse(text: str, limits: Limits) -> ast.Module:
    if len(text) > limits.plan:
        raise Refused([Problem(1, f"the plan has {len(text)} characters; at most {limits.plan} are allowed")])
    try:
        tree = ast.parse(text, _FILE)
        deepest = _deepest(tree)
    except SyntaxError as error:
        raise Refused([Problem(error.lineno or 1, error.msg)]) from None
    except (RecursionError, MemoryError):
        raise Refused([Problem(1, "the plan is nested too deeply")]) from None
    except ValueError as error:  # NUL characters, lone surrogates, integers of too many digits
        raise Refused([Problem(1, str(error).capitalize())]) from None
    if deepest:
        raise Refused([Problem(deepest, "nested too deeply; use functions, variables or lists")])
    return tree


def _deepest(tree: ast.Module) -> int | None:
    """The line on which the nesting is too deep."""
    line, level = 1, [(1, tree)]
    for _ in range(_NESTING):
        level = [
            (getattr(child, "lineno", line), child) for line, node in level for child in ast.iter_child_nodes(node)
        ]
        if not level:
            return None
        line = level[0][0]
    return line


def _compile(tree: ast.Module) -> None:
    """What only the compiler finds: `break` outside a loop, a parameter twice. A plan is the body of a function."""
    whole = ast.parse("def plan(): pass", _FILE)
    function = whole.body[0]
    assert isinstance(function, ast.FunctionDef)
    if tree.body:
        function.body = tree.body
    try:
        compile(whole, _FILE, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        raise Refused([Problem(error.lineno or 1, error.msg)]) from None
    except (RecursionError, MemoryError, ValueError):
        raise Refused([Problem(1, "the plan is nested too deeply")]) from None
