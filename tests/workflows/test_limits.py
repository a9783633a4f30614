"""A plan that takes too much ends with a clear failure, soon, and its process with it."""

import asyncio
import time

import psutil
import pytest

from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import Call, Done
from journeyman.workflows.runner import Outcome, Run
from workflows.driving import echo, run

pytestmark = pytest.mark.ours_only

BOMBS = {
    "power": "10 ** 10 ** 10",
    "power of a power": "x = 7\nfor i in range(99): x = x ** x",
    "pow": "pow(2, 10 ** 9)",
    "shift": "1 << 10 ** 10",
    "doubling integers": "x = 3\nwhile True: x *= x",
    "string times": "'a' * 10 ** 12",
    "doubling strings": "x = 'a'\nwhile True: x += x",
    "list times": "[0] * 10 ** 12",
    "tuple times": "10 ** 12 * (0,)",
    "augmented times": "x = [1]\nx *= 10 ** 9",
    "doubling lists": "x = [1]\nwhile True: x += x",
    "endless": "while True: pass",
    "endless for": "x = [1]\nfor i in x: x.append(i)",
    "long range": "sum(range(10 ** 15))",
    "list of a range": "list(range(10 ** 12))",
    "in a range": "return all('a' in range(10 ** 12) for _ in range(10 ** 9)) or [0] * 10 ** 9",
    "recursion": "def f(): return f()\nf()",
    "mutual recursion": "def f(x): return [g(x) for _ in 'a']\ndef g(x): return [f(x) for _ in 'a']\nf(1)",
    "recursion by sorted": "def f(x): return sorted([1], key=f)\nf(1)",
    "lambda recursion": "f = lambda: f()\nf()",
    "nested generators": "g = [1]\nfor i in range(99999): g = (x for x in g)\nlist(g)",
    "nested maps": "g = [1]\nfor i in range(99999): g = map(str, g)\nlist(g)",
    "nested lists": "x = []\nfor i in range(999): x = [x]\nreturn str(x)",
    "itself": "x = []\nx.append(x)\nreturn str(x)",
    "itself compared": "x = []\nx.append(x)\ny = []\ny.append(y)\nreturn x == y",
    "laughs": "x = ['lol']\nfor i in range(60): x = [x, x]\nreturn str(x)",
    "laughs compared": "x, y = [1], [1]\nfor i in range(60): x, y = [x, x], [y, y]\nreturn x == y",
    "laughs hashed": "x = (1,)\nfor i in range(60): x = (x, x)\nreturn {x: 1}",
    "laughs as JSON": "x = ['lol']\nfor i in range(60): x = {'a': x, 'b': x}\nreturn json.dumps(x)",
    "laughs asked for": "x = ['lol']\nfor i in range(60): x = [x, x]\nagent({'name': x}, 'y')",
    "many strings": "x = []\nwhile True: x.append('a' * 900000 + str(len(x)))",
    "join": "('a' * 100000).join(['b'] * 100000)",
    "replace": "('a' * 100000).replace('a', 'b' * 100000)",
    "ljust": "'a'.ljust(10 ** 11)",
    "zfill": "'a'.zfill(10 ** 11)",
    "expandtabs": "('\\t' * 10000).expandtabs(10 ** 9)",
    "many logs": "while True: log('a' * 9000)",
    "deep JSON": "return json.loads('[' * 100000 + ']' * 100000)",
    "a dict that grows": "d = {}\nn = 0\nwhile True:\n    d[n] = n\n    n += 1",
    "a set that grows": "s = set()\nn = 0\nwhile True:\n    s.add(n)\n    n += 1",
    "many branches": "parallel(lambda i: i, range(5000))",
    "branches in branches": "def f(i): return parallel(f, range(50))\nf(0)",
}

RAISED = {
    "format width": "f'{1:>1000000000}'",
    "format precision": "'{:.1000000000f}'.format(1)",
    "format width within": "f'{1:{10 ** 9}}'",
    "percent width": "'%1000000000d' % 1",
    "percent star": "'%*d' % (10 ** 9, 1)",
    "percent precision": "'%.1000000000f' % 1",
    "round": "round(5, -10 ** 9)",
    "float": "2.0 ** 10 ** 6",
    "digits": "int('9' * 5000)",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_ends_the_run(name: str) -> None:
    """The plan cannot catch it."""
    body = "\n".join("    " + line for line in BOMBS[name].splitlines())
    began = time.monotonic()
    told = await run(f"def bomb():\n{body}\ntry:\n    bomb()\nexcept Exception:\n    log('caught')\n")
    assert told.failed.kind == "program"
    assert told.failed.message.startswith("The plan ")
    assert "caught" not in told.logs
    assert time.monotonic() - began < 8  # far less on a machine of one's own


@pytest.mark.parametrize("name", RAISED)
async def test_a_bomb_raises(name: str) -> None:
    told = await run(f"try:\n    {RAISED[name]}\nexcept (ValueError, OverflowError):\n    return 'caught'")
    assert told.result == "caught"


async def test_an_exception_that_is_too_large_to_be_told() -> None:
    told = await run("x = ['lol']\nfor i in range(60): x = [x, x]\nraise ValueError(x)")
    assert told.failed.kind == "program"
    assert told.failed.detail == "ValueError: (its text is too long)"


@pytest.mark.parametrize("value", ["[x]", "[x, x]"])
async def test_a_result_that_cannot_be_given(value: str) -> None:
    told = await run(f"x = ['lol']\nfor i in range(200): x = {value}\nreturn x")
    assert told.failed.kind == "program"


async def test_calls_are_counted() -> None:
    """Beyond as many threads as a run may have it ends with the reference's thread_limit_error."""
    told = await run("while True: agent('a', 'b')", limits=Limits(calls=7))
    assert len(told.calls) == 7
    assert told.failed.kind == "thread_limit"


async def test_silence_ends_the_run() -> None:
    limits = Limits(steps=10**12, silence=0.5)
    told = await run("while True: pass", limits=limits)
    assert told.failed.kind == "timeout"


async def test_processor_time_ends_the_run() -> None:
    told = await run("while True: pass", limits=Limits(steps=10**12, cpu=1))
    assert told.failed.kind == "timeout"


async def test_waiting_is_not_silence() -> None:
    async with Run("return agent('a', 'b')", limits=Limits(silence=2.0)) as running:
        said = aiter(running)
        call = await anext(said)
        assert isinstance(call, Call)
        ends = time.monotonic() + 3
        waiting = asyncio.ensure_future(anext(said))
        done, _ = await asyncio.wait({waiting}, timeout=ends - time.monotonic())
        assert not done
        running.answer(call.key, Outcome('"late"'))
        assert isinstance(await waiting, Done)


async def test_nothing_is_left_behind() -> None:
    """However a run ends, its process does."""
    async with Run("while True: pass") as running:
        pid = running.pid
        assert psutil.pid_exists(pid)
        await running.stop()
        assert [message async for message in running] == []
    assert not psutil.pid_exists(pid)


async def test_death_is_told() -> None:
    async with Run("return agent('a', 'b')") as running:
        told = []
        async for message in running:
            told.append(message)
            if isinstance(message, Call):
                psutil.Process(running.pid).kill()
    assert told[-1].type == "failed"
    assert told[-1].kind == "unknown"


async def test_the_largest_results_come_through() -> None:
    told = await run("return agent('a', 'b')", lambda _: "x" * 900_000)
    assert len(told.result) == 900_000


async def test_a_result_that_is_too_large_or_too_deep_fails() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    told = await run("return agent('a', 'b')", lambda _: deep)
    assert told.failed.kind == "program"
    told = await run("return agent('a', 'b')", lambda _: "x" * 1_100_000)
    assert told.failed.kind == "program"
    assert (await run("return agent('a', 'b')", echo)).result == "<b>"
