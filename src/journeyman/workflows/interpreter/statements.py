# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""What each kind of statement does."""

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from journeyman.workflows.interpreter import calling, operators, variables
from journeyman.workflows.interpreter.containers import extend
from journeyman.workflows.interpreter.expressions import Expressions
from journeyman.workflows.interpreter.values import END, Dict, Evaluation, Kind, List, OrderedSet, Scope, Value


class Returned(NamedTuple):
    """How a block ended that met a `return`. Others end with None, or with the word that they met."""

    value: Value


BREAK = "break"
CONTINUE = "continue"


class Statements(Expressions):
    """A part of the interpreter. Doing a statement gives None, or how it left the block that it is in."""

    def __init__(self) -> None:
        super().__init__()
        self._doing: dict[type[ast.stmt], Callable[[Any, Scope], Evaluation]] = {
            ast.AnnAssign: self._annotated, ast.Assert: self._assert, ast.Assign: self._assign,
            ast.AugAssign: self._augmented, ast.Break: self._leave, ast.Continue: self._leave,
            ast.Delete: self._delete, ast.Expr: self._expression, ast.For: self._for, ast.FunctionDef: self._define,
            ast.Global: self._pass, ast.If: self._choose, ast.Nonlocal: self._pass, ast.Pass: self._pass,
            ast.Raise: self._raise, ast.Return: self._return, ast.Try: self._try, ast.While: self._while,
            ast.With: self._with,
        }  # fmt: skip

    @property
    def handled(self) -> list[Exception]:
        """What the `except` blocks hold that the branch is in."""
        raise NotImplementedError

    def phase(self, call: ast.Call) -> tuple[str, str]:
        """Enter the phase; how its end is said: its name and the key of its start."""
        raise NotImplementedError

    def leave_phase(self, name: str, key: str) -> None:
        raise NotImplementedError

    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> Evaluation:
        for statement in statements:
            self.heap.tick()
            try:
                left = yield from self._doing[type(statement)](statement, scope)
            except Exception as error:
                vars(error).setdefault("line", statement.lineno)
                raise
            if left is not None:
                return left
        return None

    def _expression(self, node: ast.Expr, scope: Scope) -> Evaluation:
        yield from self.evaluate(node.value, scope)

    def _pass(self, _: ast.stmt, __: Scope) -> Evaluation:
        return None
        yield

    def _leave(self, node: ast.Break | ast.Continue, _: Scope) -> Evaluation:
        return BREAK if isinstance(node, ast.Break) else CONTINUE
        yield

    def _return(self, node: ast.Return, scope: Scope) -> Evaluation:
        return Returned(None if node.value is None else (yield from self.evaluate(node.value, scope)))

    def _define(self, node: ast.FunctionDef, scope: Scope) -> Evaluation:
        function = yield from self.function(node, scope)
        variables.store(self.heap, scope, node.name, function)

    def _assign(self, node: ast.Assign, scope: Scope) -> Evaluation:
        value = yield from self.evaluate(node.value, scope)
        for target in node.targets:
            yield from self.assign(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> Evaluation:
        if node.value is not None:
            yield from self.assign(node.target, (yield from self.evaluate(node.value, scope)), scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> Evaluation:
        if isinstance(target, ast.Name):
            variables.store(self.heap, scope, target.id, value)
        elif isinstance(target, ast.Subscript):
            container = yield from self.evaluate(target.value, scope)
            operators.put(self.heap, container, (yield from self.evaluate(target.slice, scope)), value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            yield from self._unpack(target.elts, (yield from calling.collected(self.heap, value)), scope)

    def _unpack(self, targets: list[ast.expr], values: list[Value], scope: Scope) -> Evaluation:
        star = next((place for place, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
        least = len(targets) - (star is not None)
        if len(values) < least:
            some = "at least " if star is not None else ""
            raise ValueError(f"not enough values to unpack (expected {some}{least}, got {len(values)})")
        if star is None and len(values) > least:
            raise ValueError(f"too many values to unpack (expected {least})")
        for place, target in enumerate(targets):
            if isinstance(target, ast.Starred):
                rest = self.heap.list(values[place : len(values) - (len(targets) - place - 1)])
                yield from self.assign(target.value, rest, scope)
            elif star is not None and place > star:
                yield from self.assign(target, values[place - len(targets)], scope)
            else:
                yield from self.assign(target, values[place], scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> Evaluation:
        target = node.target
        if isinstance(target, ast.Name):
            before = variables.load(scope, target.id, self.builtins)
            after = yield from self._changed(type(node.op), before, (yield from self.evaluate(node.value, scope)))
            variables.store(self.heap, scope, target.id, after)
        elif isinstance(target, ast.Subscript):
            container = yield from self.evaluate(target.value, scope)
            key = yield from self.evaluate(target.slice, scope)
            before = operators.item(self.heap, container, key)
            after = yield from self._changed(type(node.op), before, (yield from self.evaluate(node.value, scope)))
            operators.put(self.heap, container, key, after)

    def _changed(self, kind: type[ast.operator], value: Value, by: Value) -> Evaluation:
        """Lists, dicts and sets change in their place."""
        if isinstance(value, List) and kind is ast.Add:
            yield from extend(self, value, by)  # pyright: ignore[reportArgumentType]
            return value
        result = operators.binary(self.heap, kind, value, by)
        if isinstance(value, List) and isinstance(result, List):
            self.heap.may_change(value)
            value[:] = result
            return value
        if isinstance(value, Dict) and isinstance(result, Dict):
            self.heap.may_change(value)
            value.update(result)
            return value
        if isinstance(value, OrderedSet) and isinstance(result, OrderedSet):
            self.heap.may_change(value)
            value.members = result.members
            return value
        return result

    def _delete(self, node: ast.Delete, scope: Scope) -> Evaluation:
        for target in node.targets:
            yield from self._remove(target, scope)

    def _remove(self, target: ast.expr, scope: Scope) -> Evaluation:
        if isinstance(target, ast.Name):
            variables.delete(self.heap, scope, target.id)
        elif isinstance(target, ast.Subscript):
            container = yield from self.evaluate(target.value, scope)
            operators.remove(self.heap, container, (yield from self.evaluate(target.slice, scope)))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                yield from self._remove(each, scope)

    def _choose(self, node: ast.If, scope: Scope) -> Evaluation:
        holds = yield from self.evaluate(node.test, scope)
        return (yield from self.block(node.body if holds else node.orelse, scope))

    def _while(self, node: ast.While, scope: Scope) -> Evaluation:
        while (yield from self.evaluate(node.test, scope)):
            left = yield from self.block(node.body, scope)
            if left is BREAK:
                return None
            if isinstance(left, Returned):
                return left
        return (yield from self.block(node.orelse, scope))

    def _for(self, node: ast.For, scope: Scope) -> Evaluation:
        source = calling.source((yield from self.evaluate(node.iter, scope)))
        while (item := (yield from calling.advance(self.heap, source))) is not END:
            yield from self.assign(node.target, item, scope)
            left = yield from self.block(node.body, scope)
            if left is BREAK:
                return None
            if isinstance(left, Returned):
                return left
        return (yield from self.block(node.orelse, scope))

    def _assert(self, node: ast.Assert, scope: Scope) -> Evaluation:
        if not (yield from self.evaluate(node.test, scope)):
            if node.msg is None:
                raise AssertionError
            raise AssertionError((yield from self.evaluate(node.msg, scope)))

    def _raise(self, node: ast.Raise, scope: Scope) -> Evaluation:
        if node.exc is None:
            if not self.handled:
                raise RuntimeError("No active exception to reraise")
            raise self.handled[-1]
        error = yield from self.evaluate(node.exc, scope)
        if node.cause is not None:
            yield from self.evaluate(node.cause, scope)
        if isinstance(error, Kind) and _is_exception(error):
            error = error.run(self)
        if not isinstance(error, Exception):
            raise TypeError("exceptions must derive from BaseException")
        raise error

    def _try(self, node: ast.Try, scope: Scope) -> Evaluation:
        if not node.finalbody:
            return (yield from self._guarded(node, scope))
        left, error = yield from self._attempt(self._guarded(node, scope))
        last = yield from self.block(node.finalbody, scope)
        if last is not None:
            return last
        if error is not None:
            raise error
        return left

    def _guarded(self, node: ast.Try, scope: Scope) -> Evaluation:
        left, error = yield from self._attempt(self.block(node.body, scope))
        if error is not None:
            return (yield from self._handle(node, error, scope))
        if left is not None:
            return left
        return (yield from self.block(node.orelse, scope))

    def _attempt(self, evaluation: Evaluation) -> Evaluation:
        """How it ended, and the exception that ended it. Faults, and the machine's own limits, go through."""
        try:
            return (yield from evaluation), None
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            return None, error.with_traceback(None)

    def _handle(self, node: ast.Try, error: Exception, scope: Scope) -> Evaluation:
        handled = self.handled
        for handler in node.handlers:
            if handler.type is not None:
                caught = _exceptions((yield from self.evaluate(handler.type, scope)))
                if not isinstance(error, caught):
                    continue
            if handler.name is not None:
                variables.store(self.heap, scope, handler.name, error)
            handled.append(error)
            try:
                return (yield from self.block(handler.body, scope))
            finally:
                handled.pop()
                if handler.name is not None:
                    self._forget(handler.name, scope)
        raise error

    def _forget(self, name: str, scope: Scope) -> None:
        try:
            variables.delete(self.heap, scope, name)
        except NameError:
            return

    def _with(self, node: ast.With, scope: Scope) -> Evaluation:
        """A phase; the grammar allows nothing else here."""
        call = node.items[0].context_expr
        assert isinstance(call, ast.Call)
        name, key = self.phase(call)
        left, error = yield from self._attempt(self.block(node.body, scope))
        self.leave_phase(name, key)
        if error is not None:
            raise error
        return left


def _is_exception(kind: Kind) -> bool:
    return isinstance(kind.of, type) and issubclass(kind.of, Exception)


def _exceptions(value: Value) -> tuple[type[Exception], ...]:
    """What an `except` names."""
    kinds = value if isinstance(value, tuple) else (value,)
    found: list[type[Exception]] = []
    for kind in kinds:
        if not isinstance(kind, Kind) or not isinstance(kind.of, type) or not issubclass(kind.of, Exception):
            raise TypeError("catching classes that do not inherit from BaseException is not allowed")
        found.append(kind.of)
    return tuple(found)
