"""Agents, phases, parallel branches; what is the same however often and in whatever order a run is run."""

import contextlib
import json
import random
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeyman.workflows.checking import check
from journeyman.workflows.language import DESCRIPTION, EXAMPLE
from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import Call, Done, PhaseEnded, PhaseStarted
from journeyman.workflows.plan import Phase, Refused
from journeyman.workflows.runner import Outcome, Run
from workflows.driving import Here, Told, echo, here, outcome, run

PLAN = """
topics = ["a", "b", "c"]

def study(topic):
    notes = [agent("reader", f"{topic} {i}") for i in range(2)]
    seen = {note: len(note) for note in notes}
    inner = parallel(lambda n: agent("checker", f"{n} of {topic}") + str(len(seen)), notes)
    for note in inner[:]:
        if "b" in note:
            inner += [agent("reader", "again " + note)]
    return {"topic": topic, "notes": inner, "set": sorted(set(notes))}

with phase("study", "Read all there is"):
    studies = parallel(study, topics)
    both = parallel([lambda: agent("x", "one"), lambda: agent("x", "two"), lambda: len(topics)])
with phase("write"):
    text = ""
    while len(text) < 60:
        text += agent({"name": "writer", "system": "Write."}, f"{len(text)}: {json.dumps(studies)[:20]}")
    log("wrote", len(text))
return [studies, both, text]
"""


def by_key(told: Told) -> dict[str, tuple[Any, str]]:
    return {call.key: (call.agent, call.task) for call in told.calls}


@pytest.mark.documented
async def test_phases_are_known_before_and_bracket_the_work() -> None:
    """They stand in the plan's order; each that was entered is left once."""
    declared = await check(PLAN)
    assert declared.phases == [Phase("study", "Read all there is"), Phase("write", None)]
    assert declared.agents == ["reader", "checker", "x"]
    told = await run(PLAN)
    phases = [m for m in told.messages if isinstance(m, (PhaseStarted, PhaseEnded))]
    assert [(m.type, m.phase) for m in phases] == [
        ("phase_started", 0), ("phase_ended", 0), ("phase_started", 1), ("phase_ended", 1),
    ]  # fmt: skip
    assert phases[0].key == phases[1].key != phases[2].key


@pytest.mark.documented
async def test_an_exception_leaves_the_phase() -> None:
    """`phase_ended` comes once for each `phase_started`, whatever way the plan leaves."""
    told = await run("for i in range(3):\n    try:\n        with phase('p'):\n            if i: 1 / 0\n            else: continue\n"
                     "    except ArithmeticError: pass\nreturn 'on'")  # fmt: skip
    phases = [m for m in told.messages if isinstance(m, (PhaseStarted, PhaseEnded))]
    assert [m.type for m in phases] == ["phase_started", "phase_ended"] * 3
    assert len({m.key for m in phases}) == 3


@pytest.mark.ours_only
async def test_what_is_wrong_with_a_plan_is_told_by_line() -> None:
    with pytest.raises(Refused) as refused:
        await check("import re\nx = 1\nx.y = 2\nwith phase(x): pass")
    assert [problem.line for problem in refused.value.problems] == [1, 3, 4]
    with pytest.raises(Refused, match="line 2"):
        await check("x = 1\nif x\n    pass")


@pytest.mark.ours_only
async def test_a_failed_call_can_be_caught() -> None:
    def answer(call: Call) -> Any:
        return Exception("it has gone") if call.task == "bad" else call.task

    told = await run(
        "def f(t):\n    try:\n        return agent('a', t)\n    except AgentError as e:\n        return f'no: {e}'\n"
        "return parallel(f, ['good', 'bad'])",
        answer,
    )
    assert told.result == ["good", "no: it has gone"]
    told = await run("x = 1\nparallel(lambda t: agent('a', t), ['good', 'bad', 'good'])", answer)
    assert (told.failed.kind, told.failed.line) == ("program", 2)
    assert told.failed.detail == "AgentError: it has gone"
    assert "gone" not in told.failed.message  # which may be shown to anyone
    assert len(told.calls) == 3


@pytest.mark.ours_only
async def test_structured_results() -> None:
    told = await run(
        "r = agent('a', 'b', schema={'type': 'object'})\nr['items'].append(4)\nreturn r['items'], r.get('none', 'x')",
        lambda call: {"items": [1, None, True]} if call.schema_ else "",
    )
    assert told.result == [[1, None, True, 4], "x"]


@pytest.mark.ours_only
@pytest.mark.parametrize(
    "change",
    [
        "xs.append(i)", "xs[0] = i", "xs.sort()", "xs += [i]", "d['k'] = i", "d.update(a=1)", "d |= {'a': 1}",
        "del d['k']", "s.add(i)", "s |= {i}", "next(g)", "list(g)", "global n; n = i", "inner[0].append(i)",
        "bump()", "default(i)",
    ],
)  # fmt: skip
async def test_branches_cannot_see_what_others_change(change: str) -> None:
    """What was made outside is there to be read; else the order of answers would decide what a plan does."""
    lines = "".join(f"    {line.strip()}\n" for line in change.split(";"))
    plan = (
        "xs, d, s, n, inner = [1], {'k': 1}, {1}, 1, [[1]]\ng = (x for x in xs)\n"
        "def bump():\n    global n\n    n += 1\ndef default(i, kept=[]):\n    kept.append(i)\n"
        "def f(i):\n    global xs2\n    mine = [xs[0]]\n    mine.append(d['k'])\n"
        f"{lines}    return mine\n"
    ).replace("    global xs2\n", "    nonlocal xs, d, s\n" if "+=" in change or "|=" in change else "")
    alone = here(plan + "return f(1)")
    assert alone == [1, 1]
    told = await run(plan + "return parallel(f, [1, 2])")
    assert told.failed.detail is not None
    assert "cannot be changed inside it" in told.failed.detail


@pytest.mark.ours_only
def test_what_a_branch_made_belongs_to_who_waited_for_it() -> None:
    plan = (
        "def g(x):\n    return [x]\ndef f(x):\n    ys = parallel(g, [x, x])\n    ys[0].append('f')\n    return ys\n"
        "rs = parallel(f, [1, 2])\nrs[0][0].append('plan')\nrs.append(3)\nreturn rs"
    )
    assert here(plan) == [[[1, "f", "plan"], [1]], [[2, "f"], [2]], 3]


@pytest.mark.ours_only
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_the_order_of_answers_makes_no_difference(order: random.Random) -> None:
    """To what is asked, by which keys, and to the result."""
    first, other = Here(), Here(order.choice)
    assert here(PLAN, first) == here(PLAN, other)
    asked = [sorted((c["key"], c["task"]) for c in line.said if c["type"] == "call") for line in (first, other)]
    assert asked[0] == asked[1]
    assert len({key for key, _ in asked[0]}) == len(asked[0])
    said = [
        sorted(json.dumps(m) for m in line.said if m["type"] in {"log", "phase_started"}) for line in (first, other)
    ]
    assert said[0] == said[1]


@pytest.mark.ours_only
@pytest.mark.parametrize("seed", range(6))
async def test_a_killed_run_goes_on(seed: int) -> None:
    """Killed anywhere, and run again with the results so far: no finished call is asked again, and all ends alike.

    Each process hashes strings in another way, as the interpreter does not fix it.
    """
    whole = await run(PLAN)
    chance = random.Random(seed)
    known: dict[str, Outcome] = {}
    asked: dict[str, tuple[Any, str]] = {}
    deaths = 0
    while True:
        async with Run(PLAN, known) as running:
            last = None
            async for last in running:
                if isinstance(last, Call):
                    assert last.key not in known
                    assert asked.setdefault(last.key, (last.agent, last.task)) == (last.agent, last.task)
                if not isinstance(last, Done) and chance.random() < 0.35 and deaths < 12:
                    with contextlib.suppress(psutil.NoSuchProcess):  # it has said all and ended
                        psutil.Process(running.pid).kill()
                    break
                if isinstance(last, Call):
                    known[last.key] = outcome(echo(last))
                    running.answer(last.key, known[last.key])
            if isinstance(last, Done):
                break
            deaths += 1
    assert deaths
    assert last.result == whole.last.result  # pyright: ignore
    assert asked == by_key(whole)


@pytest.mark.ours_only
async def test_all_known_asks_nothing() -> None:
    told = await run(PLAN)
    known = {call.key: outcome(echo(call)) for call in told.calls}
    again = await run(PLAN, known=known)
    assert again.calls == []
    assert again.last == told.last
    assert [m for m in again.messages if not isinstance(m, Call)] == [
        m for m in told.messages if not isinstance(m, Call)
    ]


@pytest.mark.ours_only
async def test_calls_stand_in_a_fixed_order() -> None:
    first, second = await run(PLAN), await run(PLAN)
    assert first.messages == second.messages


@pytest.mark.ours_only
async def test_the_example_that_models_are_shown_runs() -> None:
    assert EXAMPLE in DESCRIPTION
    declared = await check(EXAMPLE)
    assert len(declared.phases) >= 2

    def answer(call: Call) -> Any:
        return ["one", "two"] if call.schema_ else f"<{call.task[:10]}>"

    told = await run(EXAMPLE, answer)
    assert isinstance(told.last, Done), told.last
    assert told.result


@pytest.mark.ours_only
async def test_malformed_answers_do_no_harm() -> None:
    async with Run("try:\n    return agent('a', 'b')\nexcept AgentError as e:\n    return str(e)") as running:
        async for message in running:
            if isinstance(message, Call):
                running.answer("what was not asked", Outcome("1"))
                running.answer(message.key, Outcome("{no JSON"))
                running.answer(message.key, Outcome("1"))
    assert isinstance(message, Done)
    assert "not JSON" in message.result


def test_limits_are_told_to_the_process_whole() -> None:
    assert Limits(**Limits()._asdict()) == Limits()
