"""The methods of strings."""

from collections.abc import Callable
from typing import Any

from journeyman.workflows.interpreter import formatting
from journeyman.workflows.interpreter.calling import Machine, collected
from journeyman.workflows.interpreter.values import Evaluation, Value

_AS_THEY_ARE = (
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier "
    "islower isnumeric isprintable isspace istitle isupper lower lstrip partition removeprefix removesuffix "
    "rfind rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
)
"""Their results are no longer than a few times the string."""


def _as_it_is(name: str) -> Callable[..., Value]:
    method: Callable[..., Any] = getattr(str, name)

    def run(m: Machine, of: str, /, *args: Value, **kwargs: Value) -> Value:
        m.heap.tick(len(of) >> 6)
        return m.heap.made(method(of, *args, **kwargs))

    return run


def _padding(name: str) -> Callable[..., Value]:
    method: Callable[..., str] = getattr(str, name)

    def run(m: Machine, of: str, width: Value, /, *fill: str) -> str:
        if isinstance(width, int):
            m.heap.text(width)
        return m.heap.made(method(of, width, *fill))

    return run


def _expandtabs(m: Machine, of: str, /, tabsize: int = 8) -> str:
    m.heap.text(len(of) + of.count("\t") * max(tabsize, 0))
    return m.heap.made(of.expandtabs(tabsize))


def _format(m: Machine, of: str, /, *args: Value, **kwargs: Value) -> str:
    return formatting.filled(m.heap, of, args, kwargs)


def _join(m: Machine, of: str, parts: Value, /) -> Evaluation:
    parts = yield from collected(m.heap, parts)
    m.heap.text(sum(len(part) for part in parts if isinstance(part, str)) + len(of) * len(parts))
    return m.heap.made(of.join(parts))


def _replace(m: Machine, of: str, old: str, new: str, count: int = -1, /) -> str:
    times = of.count(old)
    m.heap.text(len(of) + (times if count < 0 else min(times, count)) * (len(new) - len(old)))
    return m.heap.made(of.replace(old, new, count))


TEXT: dict[str, Callable[..., Value]] = {
    **{name: _as_it_is(name) for name in _AS_THEY_ARE.split()},
    **{name: _padding(name) for name in ("center", "ljust", "rjust", "zfill")},
    "expandtabs": _expandtabs,
    "format": _format,
    "join": _join,
    "replace": _replace,
}
