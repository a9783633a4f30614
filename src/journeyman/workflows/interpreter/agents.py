"""agent, parallel, log and json: the functions of the language that Python does not have."""

import json
from collections.abc import Sequence
from typing import Any

from journeyman.workflows.interpreter import formatting
from journeyman.workflows.interpreter.branches import Ask, Fork, Settled
from journeyman.workflows.interpreter.calling import Machine, callable_, collected
from journeyman.workflows.interpreter.fault import too_much
from journeyman.workflows.interpreter.values import Builtin, Dict, Evaluation, Module, OrderedSet, Value

_LOG = 10_000
"""Characters of one line that are kept."""


def functions() -> dict[str, Value]:
    return {
        "agent": Builtin("agent", _agent),
        "parallel": Builtin("parallel", _parallel),
        "log": Builtin("log", _log),
        "print": Builtin("print", _log),
        "json": Module("json", {"loads": Builtin("loads", _loads), "dumps": Builtin("dumps", _dumps)}),
    }


def as_json(m: Machine, value: Value) -> str:
    """Of data that leaves the plan. Raises ValueError or TypeError."""
    m.heap.weigh(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_members)
    text.encode()
    return text


def _members(value: object) -> list[Value]:
    if isinstance(value, OrderedSet):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is not data")


def _agent(m: Machine, agent: Value, task: Value, schema: Value = None) -> Evaluation:
    site = m.site
    if not isinstance(agent, (str, Dict)) or not agent:
        raise TypeError('agent() takes the name of an agent, or a dict like {"name": …, "system": …}, and a task')
    if not isinstance(task, str) or not task.strip():
        raise TypeError("the task of agent() is a str, and not empty")
    if schema is not None and not isinstance(schema, Dict):
        raise TypeError("the schema of agent() is a dict, a JSON schema")
    call = {"agent": agent, "task": task, "schema": schema, "line": m.line}
    encoded = as_json(m, call)
    m.heap.count_call()
    settled: Settled = yield Ask(m.key(site), json.loads(encoded))
    if settled.error is not None:
        raise settled.error
    m.heap.weigh(settled.value)
    return m.heap.adopt(settled.value)


def _parallel(m: Machine, function: Value, items: Value = None) -> Evaluation:
    site = m.site
    if callable_(function):
        if items is None:
            raise TypeError("parallel() takes a function and items, or a list of functions without parameters")
        given: Sequence[Value] = yield from collected(m.heap, items)
        evaluations = [m.call(function, [item], {}, site) for item in given]
    else:
        functions = yield from collected(m.heap, function)
        if items is not None or not all(callable_(each) for each in functions):
            raise TypeError(
                "parallel() takes functions that it calls itself: parallel(lambda item: agent(…), items), "
                "or parallel([lambda: agent(…), lambda: agent(…)])"
            )
        evaluations = [m.call(each, [], {}, site) for each in functions]
    key = m.key(site)
    if not evaluations:
        return m.heap.list([])
    ends: list[Settled] = yield Fork(key, evaluations)
    for end in ends:
        if end.error is not None:
            raise end.error
    return m.heap.list([end.value for end in ends])


def _log(m: Machine, *values: Value, sep: str = " ", end: str = "") -> None:  # noqa: ARG001
    key = m.key(m.site)
    text = str(sep).join(formatting.shown(m.heap, value) for value in values)
    m.heap.text(len(text))
    if m.heap.count_log():
        m.say("log", key=key, text=text[:_LOG].encode(errors="replace").decode())


def _loads(m: Machine, text: Value, /) -> Value:
    if not isinstance(text, str):
        raise TypeError(f"the JSON object must be str, not {type(text).__name__}")
    m.heap.tick(len(text) >> 4)
    try:
        data = json.loads(text, parse_constant=_refused)
    except RecursionError:
        raise too_much(f"nests lists or dicts more than {m.heap.limits.nesting} deep") from None
    m.heap.weigh(data)
    return m.heap.adopt(data)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _dumps(
    m: Machine,
    value: Value,
    /,
    *,
    indent: Value = None,
    sort_keys: bool = False,
    ensure_ascii: bool = True,
    separators: Value = None,
) -> str:
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= 16):
        raise ValueError("indent is a number from 0 to 16")
    m.heap.weigh(value)
    given = None if separators is None else tuple(separators)
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=given)
    return m.heap.made(text)
