"""Nothing of Python that is not the language can be reached: each attempt ends in a clear failure of the plan."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from journeyman.workflows.interpreter.confinement import confine
from journeyman.workflows.limits import Limits
from journeyman.workflows.plan import Refused, check
from journeyman.workflows.words import ATTRIBUTES
from workflows.driving import here, run

pytestmark = pytest.mark.ours_only

REFUSED = {
    "import": "import os",
    "from import": "from os import system",
    "dunder import": "__import__('os')",
    "eval": "eval('1')",
    "exec": "exec('x = 1')",
    "compile": "compile('1', '', 'eval')",
    "open": "open('/etc/passwd')",
    "getattr": "getattr('', '__class__')",
    "setattr": "setattr({}, 'x', 1)",
    "type": "type('X', (), {})",
    "object": "object()",
    "vars": "vars()",
    "globals": "globals()",
    "locals": "locals()",
    "dir": "dir()",
    "id": "id(1)",
    "hash": "hash('a')",
    "memoryview": "memoryview",
    "bytes": "b'x'",
    "bytearray": "bytearray(9)",
    "complex": "1j",
    "ellipsis": "...",
    "class": "class A: pass",
    "async def": "async def f(): pass",
    "await": "await agent('a', 'b')",
    "async for": "async def f():\n    async for x in y: pass",
    "yield": "def f():\n    yield 1",
    "yield from": "def f():\n    yield from []",
    "match": "match 1:\n    case 1: pass",
    "match class": "match '':\n    case str(__class__=c): pass",
    "try star": "try:\n    pass\nexcept* ValueError:\n    pass",
    "decorator": "@json\ndef f(): pass",
    "dunder class": "().__class__.__bases__[0].__subclasses__()",
    "dunder of function": "(lambda: 0).__globals__",
    "dunder code": "def f(): pass\nf.__code__",
    "dunder builtins": "__builtins__",
    "dunder loader": "__loader__",
    "dunder name": "if __name__ == '__main__': pass",
    "generator frame": "(x for x in []).gi_frame.f_back",
    "function globals": "(lambda: 0).func_globals",
    "traceback": "try:\n    1/0\nexcept Exception as e:\n    e.__traceback__.tb_frame",
    "traceback by method": "try:\n    1/0\nexcept Exception as e:\n    e.with_traceback(None)",
    "context": "try:\n    1/0\nexcept Exception as e:\n    e.__context__",
    "mro": "str.mro()",
    "unicode dunder": "''.__class__".replace("__class", "\uff3f\uff3fclass"),
    "unicode keyword name": "\uff3f\uff3fimport\uff3f\uff3f('os')",
    "unicode eval": "\u1d49val('1')",
    "attribute set": "x = {}\nx.y = 1",
    "attribute deleted": "x = {}\ndel x.y",
    "attribute in for": "for json.loads in [1]: pass",
    "attribute in with": "with phase('x') as json.loads: pass",
    "walrus on builtin": "(agent := 1)",
    "agent as a parameter": "def f(agent): pass",
    "agent as a variable": "for agent in ['a']: pass",
    "agent as an exception": "try:\n    pass\nexcept Exception as agent:\n    pass",
    "global agent": "def f():\n    global agent\n    agent = 1",
    "json methods replaced": "json.loads = eval",
    "json decoder": "json.JSONDecoder",
    "json codecs": "json.codecs.builtins.open",
    "phase by another name": "p = phase\nwith p('x'): pass",
    "computed phase": "n = 'x'\nwith phase(n): pass",
    "phase without with": "phase('x')",
    "other context": "with open('x') as f: pass",
    "is": "x = 1\nx is 1",
    "matrix": "[1] @ [2]",
    "break outside": "break",
    "twice a parameter": "def f(a, a): pass",
    "nul": "x = '\0'\0",
    "surrogates": "x = '\ud800'",
    "decimal bomb": "x = " + "9" * 5000,
    "hexadecimal bomb": "x = 0x" + "f" * 5000,
    "nested parentheses": "(" * 300 + ")" * 300,
    "nested lists": "x = " + "[" * 5000 + "]" * 5000,
    "nested minus": "x = " + "-" * 30000 + "1",
    "nested not": "x = " + "not " * 16000 + "1",
    "nested attributes": "x = ''" + ".strip" * 9000,
    "nested calls": "x = str" + "()" * 20000,
    "nested subscripts": "x = ''" + "[0]" * 20000,
    "nested sums": "x = 1" + "+1" * 30000,
    "nested powers": "x = 1" + "**1" * 20000,
    "nested lambdas": "x = " + "lambda: " * 8000 + "1",
    "nested blocks": "\n".join(" " * i + "if 1:" for i in range(99)) + "\n" + " " * 99 + "pass",
    "nested formats": "x = " + "f'{" * 2 + "f\"{1}\"" + "}'" * 2 + "@",
    "huge": "x = 1\n" * 40000,
    "parallel of results": "parallel([agent('a', t) for t in ['x', 'y']])",
    "late lambdas": "fs = [lambda: agent('a', t) for t in ['x', 'y']]",
    "late lambdas appended": "fs = []\nfor t in ['x']:\n    fs.append(lambda: agent('a', t))",
}  # fmt: skip

RAISES = {
    "format attribute": "return '{0.__class__}'.format(1)",
    "format index": "return '{0[__class__]}'.format({})",
    "format nested": "return '{:{x.__class__}}'.format(1, x=2)",
    "format by type": "return str.format('{0.__class__.__mro__}', 'x')",
    "format of functions": "return '{:>{}}'.format(len, 9)",
    "percent mapping": "return '%(__class__)s' % {}",
    "method of another type": "return str.lower([1])",
    "unbound of another type": "return list.append({}, 1)",
    "calls text": "return 'x'()",
    "subscripted builtin": "return str['x']",
    "raise a type": "raise str",
    "raise text": "raise 'x'",
    "catch a type": "try:\n    1/0\nexcept str:\n    pass",
    "map of nothing callable": "return list(map('x', [1]))",
    "keyword for the machine": "return len(m=1)",
    "star star machine": "return sorted([1], **{'m': 2, 'key': None})",
    "isinstance of a function": "return isinstance(1, len)",
    "method not there": "return {}.join([])",
    "agent of nothing": "return agent(None, 'x')",
    "task of nothing": "return agent('x', None)",
    "schema of text": "return agent('x', 'y', schema='z')",
    "task that is no text": "return agent('x', '\\ud800')",
    "inline agent with a function": "return agent({'name': len}, 'x')",
    "complex result": "return (-1) ** 0.5",
    "json constant": "return json.loads('NaN')",
    "default of lambda": "return (lambda a=1/0: a)()",
    "recursive generator": "g = (next(g) for _ in [1])\nreturn next(g)",
    "pickled": "return json.loads('\\x80\\x04\\x95')",
    "comprehension scope": "def f():\n    [x for x in [1]]\n    return x\nx = 1\ndel x\nreturn f()",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_is_refused_before_it_runs(name: str) -> None:
    """With a line and words, in the interpreter's process, which the text cannot end."""
    told = await run(REFUSED[name]) if "\ud800" not in REFUSED[name] else None
    if told is None:
        return
    assert told.failed.kind == "program", told
    assert told.failed.line
    assert told.calls == []


@pytest.mark.parametrize("name", RAISES)
def test_is_an_exception_of_the_plan(name: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError, NameError)):
        here(RAISES[name])


@pytest.mark.parametrize(
    "value", ["len", "(lambda: 1)", "str", "json", "[].append", "(x for x in [])", "map(str, [])", "ValueError"]
)
def test_what_is_shown_of_values_has_no_address(value: str) -> None:
    assert "0x" not in here(f"return str({value}) + repr({value})")


def test_attributes_of_values_are_those_of_the_list() -> None:
    """Of every attribute that Python's values have, none but the listed ones passes the check."""
    for value in ("", 1, 1.0, [], {}, (), set(), None, lambda: 0, Exception(), (x for x in ())):
        for name in dir(value):
            if name not in ATTRIBUTES:
                with pytest.raises(Refused):
                    check(f"x = 1\nx.{name}", Limits())


def test_the_process_has_nothing_to_break_out_to() -> None:
    """What the kernel refuses it: files, sockets, processes, signals to others, more descriptors."""
    attempts = {
        "open": "open('/etc/passwd')",
        "list": "os.listdir('/')",
        "socket": "socket.socket()",
        "fork": "os.fork()",
        "exec": "os.execv('/bin/true', ['true'])",
        "kill": f"os.kill({os.getpid()}, 0)",
        "pipe": "os.pipe()",
        "identity": "os.setuid(0)",
    }
    program = f"""
import sys; sys.path.append({str(Path(confine.__code__.co_filename).parents[3])!r})
import os, socket, json
from journeyman.workflows.interpreter.confinement import confine
from journeyman.workflows.limits import Limits
held = confine(Limits())
ends = {{}}
for name, attempt in {attempts!r}.items():
    try:
        exec(attempt)
        ends[name] = 'done'
    except OSError as error:
        ends[name] = 'refused'
print(json.dumps([held, ends, dict(os.environ)]))
sys.stdout.flush()
os._exit(0)
"""
    said = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, check=True, env={})
    held, ends, environment = json.loads(said.stdout)
    assert held
    assert ends == dict.fromkeys(attempts, "refused")
    assert environment.keys() <= {"LC_CTYPE"}
