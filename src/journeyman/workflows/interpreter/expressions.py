"""What each kind of expression evaluates to."""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from journeyman.workflows.bindings import names_of_function, targets
from journeyman.workflows.interpreter import arguments, calling, formatting, methods, operators, variables
from journeyman.workflows.interpreter.heap import Heap
from journeyman.workflows.interpreter.values import (
    END,
    Builtin,
    Dict,
    Evaluation,
    Function,
    Item,
    Kind,
    Lazy,
    Method,
    Scope,
    Value,
)

_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp


class Expressions:
    """A part of the interpreter. Evaluating an expression is a generator, so that it can wait anywhere."""

    heap: Heap
    builtins: Mapping[str, Value]
    sites: Mapping[ast.AST, int]
    site: int

    def __init__(self) -> None:
        self._names: dict[ast.AST, Any] = {}
        self._kinds: dict[type[ast.AST], Callable[[Any, Scope], Evaluation]] = {
            ast.Attribute: self._attribute, ast.BinOp: self._binary, ast.BoolOp: self._either, ast.Call: self._call,
            ast.Compare: self._compare, ast.Constant: self._constant, ast.Dict: self._dict,
            ast.DictComp: self._dict_comprehension, ast.FormattedValue: self._formatted,
            ast.GeneratorExp: self._generator, ast.IfExp: self._if, ast.JoinedStr: self._joined,
            ast.Lambda: self._lambda, ast.List: self._list, ast.ListComp: self._list_comprehension,
            ast.Name: self._name, ast.NamedExpr: self._walrus, ast.Set: self._set,
            ast.SetComp: self._set_comprehension, ast.Slice: self._slice, ast.Subscript: self._subscript,
            ast.Tuple: self._tuple, ast.UnaryOp: self._unary,
        }  # fmt: skip

    def evaluate(self, node: ast.expr, scope: Scope) -> Evaluation:
        self.heap.tick()
        return self._kinds[type(node)](node, scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> Evaluation:
        raise NotImplementedError

    def call(self, function: Value, args: Sequence[Value], kwargs: Mapping[str, Value], site: int) -> Evaluation:
        raise NotImplementedError

    def _constant(self, node: ast.Constant, _: Scope) -> Evaluation:
        return node.value
        yield

    def _name(self, node: ast.Name, scope: Scope) -> Evaluation:
        return variables.load(scope, node.id, self.builtins)
        yield

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Evaluation:
        return methods.attribute((yield from self.evaluate(node.value, scope)), node.attr)

    def _binary(self, node: ast.BinOp, scope: Scope) -> Evaluation:
        left = yield from self.evaluate(node.left, scope)
        right = yield from self.evaluate(node.right, scope)
        return operators.binary(self.heap, type(node.op), left, right)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Evaluation:
        return operators.unary(self.heap, type(node.op), (yield from self.evaluate(node.operand, scope)))

    def _either(self, node: ast.BoolOp, scope: Scope) -> Evaluation:
        """`and`, `or`"""
        ends_with = isinstance(node.op, ast.Or)
        value = None
        for each in node.values:
            value = yield from self.evaluate(each, scope)
            if bool(value) is ends_with:
                break
        return value

    def _compare(self, node: ast.Compare, scope: Scope) -> Evaluation:
        left = yield from self.evaluate(node.left, scope)
        for operator, each in zip(node.ops, node.comparators, strict=True):
            right = yield from self.evaluate(each, scope)
            if isinstance(operator, (ast.In, ast.NotIn)):
                found = yield from self._contains(right, left)
                holds = found is isinstance(operator, ast.In)
            else:
                holds = operators.compare(self.heap, type(operator), left, right)
            if not holds:
                return False
            left = right
        return True

    def _contains(self, container: Value, value: Value) -> Evaluation:
        if not isinstance(container, Lazy):
            return operators.contains(self.heap, container, value)
        while (item := (yield from calling.advance(self.heap, container))) is not END:
            self.heap.weigh(item)
            if item == value:
                return True
        return False

    def _if(self, node: ast.IfExp, scope: Scope) -> Evaluation:
        holds = yield from self.evaluate(node.test, scope)
        return (yield from self.evaluate(node.body if holds else node.orelse, scope))

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Evaluation:
        value = yield from self.evaluate(node.value, scope)
        variables.store(self.heap, scope, node.target.id, value)
        return value

    def _slice(self, node: ast.Slice, scope: Scope) -> Evaluation:
        bounds: list[Value] = []
        for each in (node.lower, node.upper, node.step):
            bounds.append(None if each is None else (yield from self.evaluate(each, scope)))
        return slice(*bounds)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Evaluation:
        container = yield from self.evaluate(node.value, scope)
        return operators.item(self.heap, container, (yield from self.evaluate(node.slice, scope)))

    def _items(self, nodes: Sequence[ast.expr], scope: Scope) -> Evaluation:
        """With starred ones spread out, in a plain list."""
        items: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = yield from self.evaluate(node.value, scope)
                items += yield from calling.collected(self.heap, value)
                self.heap.items(len(items))
            else:
                items.append((yield from self.evaluate(node, scope)))
        return items

    def _list(self, node: ast.List, scope: Scope) -> Evaluation:
        return self.heap.list((yield from self._items(node.elts, scope)))

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Evaluation:
        return self.heap.made(tuple((yield from self._items(node.elts, scope))))

    def _set(self, node: ast.Set, scope: Scope) -> Evaluation:
        items = yield from self._items(node.elts, scope)
        self.heap.weigh(items)
        return self.heap.set(items)

    def _dict(self, node: ast.Dict, scope: Scope) -> Evaluation:
        made: dict[Value, Value] = {}
        for at, each in zip(node.keys, node.values, strict=True):
            if at is None:
                more = yield from self.evaluate(each, scope)
                if not isinstance(more, Dict):
                    raise TypeError(f"'{type(more).__name__}' object is not a mapping")
                made.update(more)
            else:
                key = yield from self.evaluate(at, scope)
                self.heap.weigh(key)
                made[key] = yield from self.evaluate(each, scope)
        return self.heap.dict(made)

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> Evaluation:
        """An f-string."""
        parts: list[str] = []
        length = 0
        for each in node.values:
            part = yield from self.evaluate(each, scope)
            parts.append(part)
            length += len(part)
            self.heap.text(length)
        return "".join(parts)

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> Evaluation:
        value = yield from self.evaluate(node.value, scope)
        spec = "" if node.format_spec is None else (yield from self.evaluate(node.format_spec, scope))
        conversion = None if node.conversion == -1 else chr(node.conversion)
        return formatting.formatted(self.heap, formatting.converted(self.heap, value, conversion), spec)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Evaluation:
        return (yield from self.function(node, scope))

    def function(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Evaluation:
        """The function that a `def` or `lambda` makes."""
        defaults: list[Value] = []
        for each in node.args.defaults:
            defaults.append((yield from self.evaluate(each, scope)))
        by_keyword: dict[str, Value] = {}
        for argument, each in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if each is not None:
                by_keyword[argument.arg] = yield from self.evaluate(each, scope)
        if node not in self._names:
            self._names[node] = names_of_function(node)
        return Function(node, self._names[node], scope, defaults, by_keyword)

    def bound(self, function: Function, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Scope:
        """The scope in which a call of a function begins."""
        scope = Scope(function.names, function.scope, self.heap.owner)
        scope.variables = arguments.bind(self.heap, function, args, kwargs)
        return scope

    def _call(self, node: ast.Call, scope: Scope) -> Evaluation:
        function = yield from self.evaluate(node.func, scope)
        args = yield from self._items(node.args, scope)
        kwargs: dict[str, Value] = {}
        for keyword in node.keywords:
            value = yield from self.evaluate(keyword.value, scope)
            for name, each in _named(keyword, value):
                if name in kwargs:
                    raise TypeError(f"got multiple values for keyword argument '{name}'")
                kwargs[name] = each
        return (yield from self.call(function, args, kwargs, self.sites[node]))

    def builtin(self, function: Value, args: Sequence[Value], kwargs: Mapping[str, Value], site: int) -> Evaluation:
        """Call what the plan has not defined."""
        if isinstance(function, Method):
            function, args = function.builtin, [function.of, *args]
        if not isinstance(function, Builtin):
            raise TypeError(f"'{type(function).__name__}' object is not callable")
        if isinstance(function, Kind) and kwargs and not isinstance(function.of, type):
            raise TypeError(f"{function.name}() takes no keyword arguments")
        self.site = site
        return calling.run(self, function, args, kwargs)  # pyright: ignore[reportArgumentType]

    def _list_comprehension(self, node: ast.ListComp, scope: Scope) -> Evaluation:
        return self.heap.list((yield from self._gathered(node, scope)))

    def _set_comprehension(self, node: ast.SetComp, scope: Scope) -> Evaluation:
        items = yield from self._gathered(node, scope)
        self.heap.weigh(items)
        return self.heap.set(items)

    def _gathered(self, node: ast.ListComp | ast.SetComp, scope: Scope) -> Evaluation:
        first, inner = yield from self._comprehension(node, node.generators, scope)
        items: list[Value] = []
        yield from self._each(node.generators, first, inner, lambda: self._keep(node.elt, inner, items))
        return items

    def _keep(self, node: ast.expr, scope: Scope, items: list[Value]) -> Evaluation:
        items.append((yield from self.evaluate(node, scope)))
        if len(items) > self.heap.limits.items:
            self.heap.items(len(items))

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> Evaluation:
        first, inner = yield from self._comprehension(node, node.generators, scope)
        made: dict[Value, Value] = {}

        def keep() -> Evaluation:
            key = yield from self.evaluate(node.key, inner)
            self.heap.weigh(key)
            made[key] = yield from self.evaluate(node.value, inner)

        yield from self._each(node.generators, first, inner, keep)
        return self.heap.dict(made)

    def _generator(self, node: ast.GeneratorExp, scope: Scope) -> Evaluation:
        first, inner = yield from self._comprehension(node, node.generators, scope)

        def give() -> Evaluation:
            yield Item((yield from self.evaluate(node.elt, inner)))

        return calling.lazy(self.heap, self._each(node.generators, first, inner, give))

    def _comprehension(
        self, node: _Comprehension | ast.DictComp, generators: list[ast.comprehension], scope: Scope
    ) -> Evaluation:
        """What it goes through first, which is evaluated outside, and the scope inside."""
        first = calling.source((yield from self.evaluate(generators[0].iter, scope)))
        if node not in self._names:
            self._names[node] = targets(generators)
        return first, Scope(self._names[node], scope, self.heap.owner, comprehension=True)

    def _each(
        self,
        generators: Sequence[ast.comprehension],
        source: Any,
        scope: Scope,
        body: Callable[[], Evaluation],
    ) -> Evaluation:
        generator, *rest = generators
        while (item := (yield from calling.advance(self.heap, source))) is not END:
            yield from self.assign(generator.target, item, scope)
            if not (yield from self._passes(generator.ifs, scope)):
                continue
            if rest:
                inner = calling.source((yield from self.evaluate(rest[0].iter, scope)))
                yield from self._each(rest, inner, scope, body)
            else:
                yield from body()

    def _passes(self, conditions: Sequence[ast.expr], scope: Scope) -> Evaluation:
        for condition in conditions:
            if not (yield from self.evaluate(condition, scope)):
                return False
        return True


def _named(keyword: ast.keyword, value: Value) -> list[tuple[str, Value]]:
    if keyword.arg is not None:
        return [(keyword.arg, value)]
    if not isinstance(value, Dict):
        raise TypeError("argument after ** must be a dict")
    if not all(isinstance(name, str) for name in value):
        raise TypeError("keywords must be strings")
    return list(value.items())
