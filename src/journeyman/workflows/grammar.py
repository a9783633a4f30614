"""Which of Python's constructs a plan may have."""

import ast

from journeyman.workflows.bindings import bound, loop_variables, unbound
from journeyman.workflows.limits import Limits
from journeyman.workflows.words import AGENT, ATTRIBUTES, INSTEAD, MODULES, NAMES, PARALLEL, PHASE, RESERVED

_STATEMENTS = (
    ast.AnnAssign, ast.Assert, ast.Assign, ast.AugAssign, ast.Break, ast.Continue, ast.Delete, ast.Expr, ast.For,
    ast.FunctionDef, ast.Global, ast.If, ast.Nonlocal, ast.Pass, ast.Raise, ast.Return, ast.Try, ast.While, ast.With,
)  # fmt: skip
_EXPRESSIONS = (
    ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.Dict, ast.DictComp,
    ast.FormattedValue, ast.GeneratorExp, ast.IfExp, ast.JoinedStr, ast.Lambda, ast.List, ast.ListComp, ast.Name,
    ast.NamedExpr, ast.Set, ast.SetComp, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp,
)  # fmt: skip
_PARTS = (
    ast.Module, ast.ExceptHandler, ast.arguments, ast.arg, ast.keyword, ast.withitem, ast.comprehension,
    ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_ALLOWED = (*_STATEMENTS, *_EXPRESSIONS, *_PARTS)

_REFUSED: dict[str, str] = {
    "AsyncFor": "there is no async: write a plain `for`",
    "AsyncFunctionDef": "there is no async: write a plain `def`",
    "AsyncWith": "there is no async: write a plain `with`",
    "Await": "agent() waits by itself: leave `await` out",
    "ClassDef": "there are no classes: use functions and dicts",
    "MatMult": "there is no @ operator",
    "Match": "there is no match statement: use if and elif",
    "TryStar": "there is no except*: use except",
    "Yield": "there is no yield: return a list",
    "YieldFrom": "there is no yield: return a list",
}


class Grammar(ast.NodeVisitor):
    """Walks a tree that is not nested deeply and gathers what is wrong with it."""

    def __init__(self, limits: Limits) -> None:
        self.problems: list[tuple[int, str]] = []
        self.agents: list[str] = []
        self._limits = limits
        self._known = NAMES
        self._phases: set[ast.AST] = set()
        self._loops: list[frozenset[str]] = []

    def visit_Module(self, node: ast.Module) -> None:
        self._known = NAMES | bound(node)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        name = type(node).__name__
        if name in _REFUSED:
            self._refuse(node, _REFUSED[name])
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif not isinstance(node, _ALLOWED):
            self._refuse(node, f"{name} is not part of the language")
        else:
            self._bind(node)
            self._loop(node)

    def _loop(self, node: ast.AST) -> None:
        variables = loop_variables(node)
        if variables:
            self._loops.append(variables)
        super().generic_visit(node)
        if variables:
            self._loops.pop()

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        hint = MODULES.get(module.split(".")[0])
        self._refuse(node, "nothing can be imported" + (f": {hint}" if hint else ""))

    def _bind(self, node: ast.AST) -> None:
        names: list[str | None] = []
        if isinstance(node, (ast.FunctionDef, ast.ExceptHandler)):
            names = [node.name]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names = list(node.names)
        for name in names:
            self._nameable(node, name or "_")

    def _nameable(self, node: ast.AST, name: str) -> None:
        if name in RESERVED:
            self._refuse(node, f"`{name}` is built in and cannot be another thing: choose another name")
        elif name.startswith("__"):
            self._refuse(node, f"`{name}`: names may not begin with two underscores")

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == PHASE:
            self._refuse(node, 'a phase is entered by `with phase("name"):` and nothing else can be done with it')
        elif not isinstance(node.ctx, ast.Load):
            self._nameable(node, node.id)
        elif node.id not in self._known or node.id.startswith("__"):
            hint = INSTEAD.get(node.id) or MODULES.get(node.id)
            self._refuse(node, f"`{node.id}` is not defined" + (f": {hint}" if hint else ""))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr.startswith("_"):
            self._refuse(node, f"`.{node.attr}`: attributes that begin with an underscore cannot be used")
        elif not isinstance(node.ctx, ast.Load):
            self._refuse(node, f'attributes cannot be set: write x["{node.attr}"] = …')
        elif node.attr not in ATTRIBUTES:
            self._refuse(node, f'`.{node.attr}` is not there: for the key of a dict write x["{node.attr}"]')
        self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.decorator_list:
            self._refuse(node, "there are no decorators: call the function yourself")
        node.returns = None
        self._bind(node)
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_arg(self, node: ast.arg) -> None:
        node.annotation = None
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Annotations are not evaluated, so that what they name need not be there."""
        self.visit(node.target)
        node.annotation = ast.Constant(None, lineno=node.lineno, col_offset=0)
        if node.value is not None:
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if not isinstance(value, (str, int, float, bool, type(None))):
            self._refuse(node, f"there is no {type(value).__name__} in the language")
        elif isinstance(value, str) and len(value) > self._limits.text:
            self._refuse(node, f"a string may have {self._limits.text} characters")
        elif isinstance(value, int) and value.bit_length() > self._limits.bits:
            self._refuse(node, f"an integer may have {self._limits.bits} bits")

    def visit_Compare(self, node: ast.Compare) -> None:
        """What `is` says of numbers and strings is an accident, and another one on another machine."""
        sides = [node.left, *node.comparators]
        for before, operator, after in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(operator, (ast.Is, ast.IsNot)) and not (_singleton(before) or _singleton(after)):
                self._refuse(node, "`is` compares with None, True and False only: use == or !=")
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        item = node.items[0]
        if len(node.items) > 1 or item.optional_vars is not None or not _is_call_of(item.context_expr, PHASE):
            self._refuse(node, '`with` is for phases only: with phase("name"):')
            self.generic_visit(node)
            return
        call = item.context_expr
        assert isinstance(call, ast.Call)
        self._phase(call)
        for statement in node.body:
            self.visit(statement)

    def _phase(self, call: ast.Call) -> None:
        names = [keyword.arg for keyword in call.keywords]
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        literal = all(isinstance(value, ast.Constant) and isinstance(value.value, str) for value in values)
        if names not in ([], ["description"]) or not call.args or len(values) > 2 or not literal:
            self._refuse(
                call,
                "phases are known before the run begins, so name and description are written out: "
                'with phase("name", "description"):',
            )
        elif isinstance(call.args[0], ast.Constant) and not str(call.args[0].value).strip():
            self._refuse(call, "a phase needs a name")

    def visit_Call(self, node: ast.Call) -> None:
        if _is_call_of(node, AGENT) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.args[0].value
            if isinstance(name, str) and name not in self.agents:
                self.agents.append(name)
        if _is_call_of(node, PARALLEL) and node.args and _calls_agents(node.args[0]):
            self._refuse(
                node,
                "parallel() takes functions; here each agent is called before it begins: write "
                "parallel(lambda item: agent(…), items), or parallel([lambda: agent(…), lambda: agent(…)])",
            )
        if isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            self._late(node.args)
        self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self._late(node.elts)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._loops.append(loop_variables(node))
        self._late([node.elt])
        self._loops.pop()
        self.generic_visit(node)

    def _late(self, kept: list[ast.expr]) -> None:
        """Functions that are kept for later see what the variables of a loop are then: the last item, each of them."""
        for function in kept:
            if isinstance(function, ast.Lambda):
                for name in sorted(unbound(function) & frozenset().union(*self._loops)):
                    self._refuse(
                        function,
                        f"each of these functions would see the last `{name}`: write `lambda {name}={name}: …`, "
                        "or parallel(lambda item: …, items)",
                    )

    def _refuse(self, node: ast.AST, message: str) -> None:
        self.problems.append((getattr(node, "lineno", 1), message))


def _singleton(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _is_call_of(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _calls_agents(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Tuple)):
        return any(_is_call_of(item, AGENT) for item in node.elts)
    return isinstance(node, (ast.ListComp, ast.GeneratorExp)) and _is_call_of(node.elt, AGENT)
