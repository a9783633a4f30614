"""Which names a piece of a plan binds, by Python's rules."""

import ast
from typing import NamedTuple

_OWN_SCOPE = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Names(NamedTuple):
    """Of one function, comprehension or of the plan itself."""

    own: frozenset[str]
    outermost: frozenset[str] = frozenset()
    """Declared `global`."""
    outer: frozenset[str] = frozenset()
    """Declared `nonlocal`."""


def names_of_function(node: ast.FunctionDef | ast.Lambda) -> Names:
    body = node.body if isinstance(node.body, list) else [node.body]
    return _names([*_arguments(node.args), *body])


def names_of_plan(node: ast.Module) -> Names:
    return _names(node.body)


def targets(generators: list[ast.comprehension]) -> Names:
    """What a comprehension binds. A walrus in it binds outside."""
    return Names(frozenset(name for generator in generators for name in _stored(generator.target)))


def bound(tree: ast.AST) -> frozenset[str]:
    """Every name that is bound anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        found.update(_binds(node))
    return frozenset(found)


def unbound(function: ast.Lambda) -> frozenset[str]:
    """The names that a lambda has from where it stands, each time that it runs."""
    loaded = {n.id for n in ast.walk(function.body) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return frozenset(loaded) - {argument.arg for argument in _arguments(function.args)} - bound(function.body)


def loop_variables(node: ast.AST) -> frozenset[str]:
    """What a loop gives another value each time. For a comprehension with functions in it, all it binds."""
    if isinstance(node, ast.For):
        return _stored(node.target)
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return targets(node.generators).own
    return frozenset()


def _stored(target: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    extra = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _binds(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, (ast.Store, ast.Del)) else []
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.ExceptHandler) and node.name is not None:
        return [node.name]
    return []


def _names(nodes: list[ast.stmt] | list[ast.arg | ast.expr] | list[ast.arg | ast.stmt | ast.expr]) -> Names:
    own: set[str] = set()
    outermost: set[str] = set()
    outer: set[str] = set()
    ahead: list[ast.AST] = list(nodes)
    while ahead:
        node = ahead.pop()
        own.update(_binds(node))
        if isinstance(node, ast.Global):
            outermost.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer.update(node.names)
        elif isinstance(node, _COMPREHENSIONS):
            own.update(_walruses(node))
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            ahead += [*node.args.defaults, *(value for value in node.args.kw_defaults if value is not None)]
        if not isinstance(node, _OWN_SCOPE):
            ahead += ast.iter_child_nodes(node)
    return Names(frozenset(own - outermost - outer), frozenset(outermost), frozenset(outer))


def _walruses(comprehension: ast.AST) -> set[str]:
    """Names that comprehensions, however nested, bind in the function around them."""
    found: set[str] = set()
    ahead = list(ast.iter_child_nodes(comprehension))
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.NamedExpr):
            found.add(node.target.id)
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            ahead += ast.iter_child_nodes(node)
    return found
