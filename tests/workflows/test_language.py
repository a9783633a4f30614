"""What programs mean: where Python has a meaning for them, that one."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from journeyman.workflows.interpreter.fault import Fault
from workflows.driving import here

pytestmark = pytest.mark.ours_only

PROGRAMS = {
    "arithmetic": "return [7 // 2, -7 // 2, 7 % 3, -7 % 3, 2 ** 10, 7 / 2, 1 << 4, 255 >> 3, 6 & 3, 6 | 3, 6 ^ 3, ~5]",
    "chained": "return [1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, 'a' in 'abc', 3 not in [1], None is None]",
    "short": "x = []\ndef f(v):\n    x.append(v)\n    return v\nr = [f(0) and f(1), f(2) or f(3)]\nreturn r, x",
    "slices": "a = list(range(10))\na[2:4] = [9]\ndel a[0]\nreturn a, a[::-1], a[-3:], 'hello'[1:4], (1, 2, 3)[::2]",
    "unpack": "a, (b, *c), d = 1, (2, 3, 4), 5\n[e, f] = 'xy'\nreturn a, b, c, d, e, f",
    "augmented": "a = b = [1]\na += (2,)\na *= 2\nd = {'x': 1}\nd['x'] += 4\nd |= {'y': 2}\nreturn a, b, d",
    "loops": "o = []\nfor i in range(9):\n    if i % 2: continue\n    if i > 6: break\n    o.append(i)\nelse:\n    "
    "o.append('no')\nwhile o and o[0] < 3: o.pop(0)\nelse:\n    o.append('yes')\nreturn o",
    "closures": "def counter():\n    n = 0\n    def up(by=1):\n        nonlocal n\n        n += by\n        return n\n"
    "    return up\nc = counter()\nc(); c(by=5)\nreturn c()",
    "globals": "n = 1\ndef f():\n    global n\n    n += 1\nf(); f()\nreturn n",
    "parameters": "def f(a, /, b, c=3, *d, e, f=6, **g): return [a, b, c, d, e, f, g]\n"
    "return f(1, 2, e=5), f(1, 2, 3, 4, 5, e=0, z=9), f(*[1, 2], **{'e': 7})",
    "late": "fs = []\nfor i in range(3):\n    def f(i=i): return i\n    fs.append(f)\nreturn [f() for f in fs]",
    "comprehensions": "x = 5\ny = [x for x in range(3) for _ in 'ab' if x]\nreturn x, y, {k: v for k, v in zip('ab', [1, 2])},"
    " sorted({i % 3 for i in range(9)}), [last := i for i in range(3)], last",
    "generators": "g = (i * i for i in range(5))\nreturn next(g), next(g), list(g), next(g, 'end'), sum(i for i in [1, 2])",
    "lazy": "seen = []\ndef f(x):\n    seen.append(x)\n    return x > 1\nreturn any(f(x) for x in range(9)), seen,"
    " all(map(f, [3, 0, 4])), seen",
    "exceptions": "o = []\nfor bad in [lambda: 1 / 0, lambda: {}['k'], lambda: [][3], lambda: int('x'), lambda: None + 1]:\n"
    "    try:\n        bad()\n    except (KeyError, IndexError) as e:\n        o.append(['look', str(e)])\n"
    "    except ArithmeticError as e:\n        o.append(['arith', str(e)])\n"
    "    except Exception as e:\n        o.append(['other', str(e)])\n    else:\n        o.append('none')\n"
    "    finally:\n        o.append('fin')\nreturn o",
    "finally": "def f():\n    for i in range(3):\n        try:\n            return i\n        finally:\n            if i < 2: "
    "continue\nreturn f()",
    "reraise": "try:\n    try:\n        raise ValueError('a', 1)\n    except ValueError:\n        raise\nexcept Exception as e:\n"
    "    r = list(e.args)\ntry:\n    e\nexcept NameError:\n    r.append('gone')\nreturn r",
    "formats": "x = 3.14159\nn = 'ab'\nw = 8\nreturn f'{x:.2f}|{n!r:>{w}}|{n:*^6}|{1000000:,}|{x=}', '%s-%05d-%r' % (n, 42, n),"
    " '{} {b} {0}'.format(1, b='z') if 0 else '{0} {b}'.format(1, b='z'), str([1, 'a', None, {'k': (1,)}])",
    "texts": "s = ' Hello, World '\nreturn s.strip().lower().split(', '), s.replace('l', 'L'), '-'.join(str(i) for i in range(3)),"
    " 'a b'.title(), 'x'.zfill(3), s.find('W'), 'a=b=c'.partition('='), 'abc'.startswith(('x', 'a')), '1\\n2'.splitlines()",
    "sorting": "w = ['bb', 'a', 'CC', 'ddd']\nw.sort(key=str.lower)\nreturn w, sorted(w, key=len, reverse=True), max(w, key=len),"
    " min([3, 1, 2]), max([], default=0), sorted([(2, 'b'), (1, 'z'), (2, 'a')])",
    "dicts": "d = {'b': 1, 'a': 2}\nd.setdefault('c', []).append(1)\nd.update(z=3)\nreturn list(d), list(d.items()), d.get('q', 7),"
    " d.pop('b'), {**d, 'n': 0}, dict([('k', 1)], m=2), list(dict.fromkeys('abca'))",
    "sets": "a, b = {1, 2, 3}, {3, 4}\na.add(3)\nreturn sorted(a | b), sorted(a & b), sorted(a - b), sorted(a ^ b), a > {1}, 2 in a,"
    " len(set([1, 1])), a.isdisjoint([9]), sorted(a.union([7], [8]))",
    "builtins": "return abs(-2), divmod(7, 2), round(2.567, 1), round(5), bool([]), int('ff', 16), float('1.5'), list(enumerate('ab', 1)),"
    " list(zip([1], [2])), list(reversed([1, 2])), list(filter(None, [0, 1])), list(map(lambda a, b: a + b, [1], [2])), ord('a'), chr(98),"
    " isinstance(True, int), isinstance('', (int, str)), sum([[1], [2]], []), pow(3, 4, 5), repr('x')",
    "walrus": "if (n := len('abc')) > 2: r = n\nreturn r, [y for x in range(4) if (y := x * 2) > 2]",
    "conditional": "return [('even' if i % 2 == 0 else 'odd') for i in range(2)], (lambda *a, **k: [a, k])(1, b=2)",
    "assertion": "try:\n    assert 1 == 2, 'no'\nexcept AssertionError as e:\n    return str(e)",
    "json": "d = json.loads('{\"a\": [1, 2.5, null, true]}')\nd['a'].append(1)\nreturn json.dumps(d, indent=2, sort_keys=True), d",
    "recursion": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nreturn fib(12)",
    "annotations": "x: list[int] = [1]\ndef f(a: str, b: int = 2) -> str: return a + b\nreturn f(x[0])",
    "names": "größe = 2\nreturn größe",
    "mutating": "a = [1, 2, 3]\nfor x in a:\n    if len(a) < 6: a.append(x)\nreturn a",
    "docstring": "def f():\n    'says'\n    return 1\nreturn f()",
}


def python(program: str) -> Any:
    """The same by Python itself."""
    body = "\n".join("    " + line for line in program.splitlines())
    space: dict[str, Any] = {"json": json}
    if "global n" in program:
        body = "    global n\n" + body
    exec(f"def plan():\n{body}\n", space)
    return json.loads(json.dumps(space["plan"]()))


@pytest.mark.parametrize("name", PROGRAMS)
def test_means_what_it_means_in_python(name: str) -> None:
    assert here(PROGRAMS[name]) == python(PROGRAMS[name])


_NUMBERS = st.integers(-20, 20).map(str) | st.sampled_from(["a", "b", "c", "1.5", "True", "len(xs)"])
_OPERATORS = st.sampled_from(["+", "-", "*", "//", "%", "/", "&", "|", "<", "==", ">=", "and", "or", "!="])


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, _OPERATORS, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("sum([{} for i in range(3) if {}])".format, inner, inner),
        st.builds("xs[{}]".format, inner),
        st.builds("xs[{}:{}]".format, inner, inner),
        st.builds("d[{}]".format, inner),
        st.builds("[{}, *xs]".format, inner),
        st.builds("f({}, b={})".format, inner, inner),
        st.builds("str({})".format, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("(lambda a: {})({})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(_NUMBERS, _expressions, max_leaves=8)


def _indented(blocks: list[str]) -> str:
    return "\n".join("    " + line for block in blocks for line in block.splitlines())


def _statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(inner, min_size=1, max_size=3).map(_indented)
    return st.one_of(
        st.builds("if {}:\n{}\nelse:\n{}".format, EXPRESSIONS, block, block),
        st.builds("for c in xs[:3]:\n{}".format, block),
        st.builds("for a in range(3):\n{}\n    if {}: break\nelse:\n{}".format, block, EXPRESSIONS, block),
        st.builds("for a in range(3):\n    if {}: continue\n{}".format, EXPRESSIONS, block),
        st.builds("try:\n{}\nexcept (TypeError, KeyError) as e:\n{}\nfinally:\n{}".format, block, block, block),
        st.builds("try:\n{}\nexcept Exception:\n{}\nelse:\n{}".format, block, block, block),
        st.builds("def f(a, b=2):\n{}\n    return {}".format, block, EXPRESSIONS),
    )


_SIMPLE = st.one_of(
    st.builds("{} = {}".format, st.sampled_from("abc"), EXPRESSIONS),
    st.builds("{} += {}".format, st.sampled_from(["a", "b", "xs"]), EXPRESSIONS),
    st.builds("xs.append({})".format, EXPRESSIONS),
    st.builds("d[{}] = {}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("a, *b = {}".format, EXPRESSIONS),
    st.just("pass"),
)
STATEMENTS = st.recursive(_SIMPLE, _statements, max_leaves=6)


def _ends(run: Any, program: str) -> Any:
    try:
        return run(program)
    except Exception as error:
        return type(error).__name__


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STATEMENTS, min_size=1, max_size=5))
def test_agrees_with_python(statements: list[str]) -> None:
    """Any program of these statements gives the same result, or ends with an exception of the same type.

    Those that meet a limit are left out: Python has others.
    """
    body = "\n".join(statements)
    begins = "a = b = c = 1\nxs = [1, 2, 3]\nd = {1: 'one'}\ndef f(a, b=2):\n    return [a, b]\n"
    program = f"{begins}{body}\nreturn repr([a, b, c, xs, d])"
    try:
        found = _ends(here, program)
    except Fault:
        reject()
    assert found == _ends(python, program)
