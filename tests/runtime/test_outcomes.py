"""Outcomes as the log tells them, what is decided about them, and a grader whose process dies."""

from typing import Any

import pytest

from journeyman.engine.port import Superseded
from journeyman.models.scripted import Call, Say, Script
from journeyman.runtime.decide import decide
from journeyman.runtime.folding import fold
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import BUDGET_REACHED, Begin, Evaluate, GoIdle, Record, Step
from journeyman.runtime.thread import Thread
from journeyman.store.port import InboxItem, Row

from .memory_log import Crash, MemoryLog
from .rows import Log, text
from .surroundings import Box, Mind, agent, parts
from .test_brain import Scene

START, ONGOING, END = (f"span.outcome_evaluation_{which}" for which in ("start", "ongoing", "end"))
TOKENS = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
LOOK = Script([Call("glob", {"pattern": "*"})], "tool_use")


def verdict(result: str, explanation: str = "seen") -> Script:
    return Script([Call("give_verdict", {"result": result, "explanation": explanation})], "tool_use")


class Told:
    """A log of an outcome."""

    def __init__(self, most: int = 3) -> None:
        self._log = Log()
        rubric = {"type": "text", "content": "the rubric"}
        self.rows: list[Row] = [
            self._log.row(
                "user.define_outcome", outcome_id="outc_1", description="the work", rubric=rubric, max_iterations=most
            ),
            self._log.row("session.status_running"),
            self._log.row("session.thread_status_running"),
        ]

    def answer(self) -> "Told":
        self.rows.append(self._log.answer(text("done")))
        return self

    def start(self, iteration: int = 0) -> "Told":
        self.rows.append(self._log.row(START, row_id=f"sevt_e{iteration}", outcome_id="outc_1", iteration=iteration))
        return self

    def look(self, iteration: int = 0) -> "Told":
        said = [{"role": "assistant", "content": [text("hm")]}, {"role": "user", "content": [text("go on")]}]
        private = {"usage": TOKENS, "nano": 7, "said": said}
        self.rows.append(self._log.row(ONGOING, private=private, outcome_id="outc_1", iteration=iteration))
        return self

    def end(self, result: str, iteration: int = 0) -> "Told":
        fields: dict[str, Any] = {"result": result, "explanation": f"{result}!", "iteration": iteration}
        private = {"usage": TOKENS, "nano": 7}
        self.rows.append(self._log.row(END, private=private, outcome_id="outc_1", **fields))
        return self

    @property
    def state(self) -> SessionState:
        return fold(agent(), "sthr_1", self.rows)


def step(state: SessionState, *mail: InboxItem, now: int = 10**9) -> Step | None:
    moves = decide(state, mail, now, compact_at=lambda _: 10**9)
    return moves[0].step if moves else None


def mailed(type_: str, **body: Any) -> InboxItem:
    return InboxItem(1, "sevt_mail", type_, body)


def test_the_agent_is_told_what_to_reach_and_how_it_is_graded() -> None:
    state = Told().state
    assert state.primary.pending
    (said,) = state.primary.history[0]["content"]
    assert said["text"].index("<rubric>") < said["text"].index("<outcome>"), "what is asked for comes last"
    assert [each.render()["result"] for each in state.outcomes] == ["running"]


def test_an_evaluation_keeps_what_its_grader_saw() -> None:
    """Its tokens and their price are the session's at once."""
    state = Told().answer().start().look().look().state
    outcome = state.outcome
    assert outcome is not None
    assert (outcome.result, outcome.requests, outcome.evaluation) == ("evaluating", 2, "sevt_e0")
    assert [each["role"] for each in outcome.looks] == ["assistant", "user"] * 2
    assert state.usage.input_tokens == 1 + 2 * 5
    assert state.usage.nano == 2 * 7


def test_feedback_begins_another_round() -> None:
    state = Told().answer().start().look().end("needs_revision").state
    outcome = state.outcome
    assert outcome is not None
    assert (outcome.result, outcome.iteration, outcome.evaluation, outcome.looks) == ("running", 1, None, [])
    assert outcome.render()["explanation"] == "needs_revision!"
    assert state.primary.pending
    assert "needs_revision!" in str(state.primary.history[-1])
    again = Told().answer().start().end("needs_revision").answer().start(1).state.outcome
    assert again is not None
    assert (again.requests, again.tokens, again.verdicts) == (0, {}, ["needs_revision!"])


@pytest.mark.parametrize(("result", "pending"), [("satisfied", False), ("failed", False), ("interrupted", False),
                                                 ("max_iterations_reached", True)])  # fmt: skip
def test_an_end(result: str, pending: bool) -> None:
    """After the last evaluation there is one turn more, of which nothing is graded."""
    told = Told().answer().start().end(result)
    state = told.state
    assert state.outcome is None
    assert state.outcomes[0].render()["completed_at"] is not None
    assert state.primary.pending == pending
    if pending:
        assert step(told.answer().state) == GoIdle({"type": "end_turn"})


def test_the_last_iteration_decides_what_a_verdict_is() -> None:
    from journeyman.runtime.draft import ModelUsage  # noqa: PLC0415 - for this alone

    told = Told(most=2).answer().start()
    kinds: list[str] = []
    for iteration in (0, 1):
        outcome = told.state.outcome
        assert outcome is not None
        kinds.append(outcome.judged("needs_revision", "no", ModelUsage(1), {}).fields["result"])
        told.end("needs_revision", iteration).answer().start(iteration + 1)
    assert kinds == ["needs_revision", "max_iterations_reached"]


def test_work_that_is_done_is_graded() -> None:
    assert step(Told().state) != Evaluate()
    assert step(Told().answer().state) == Evaluate()
    assert step(Told().answer().start().look().state) == Evaluate(), "as often as the grader wants to look"
    assert step(Told().answer().start().end("satisfied").state) == GoIdle({"type": "end_turn"})


def test_what_gives_the_agent_work_waits_for_the_verdict() -> None:
    state = Told().answer().start().state
    assert step(state, mailed("user.message", content=[text("hi")])) == Evaluate()
    title = mailed("session.updated", title="t")
    assert step(state, title) == Record([title])
    message = mailed("user.message", content=[text("hi")])
    assert step(Told().answer().state, message) == Record([message])


def test_nobody_is_graded_at_the_budget() -> None:
    state = Told().answer().state
    state.budget = {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}
    state.primary.usage.nano = 10**9
    assert step(state) == GoIdle(BUDGET_REACHED)


def test_agents_that_are_still_at_work_are_waited_for() -> None:
    """The primary thread ends its turn; when nobody is at work any more, it begins one to be graded."""
    state = Told().answer().state
    child = Thread("sthr_2", agent(), "sthr_1", status="running", pending=True)
    state.children["sthr_2"] = child
    assert step(state) == GoIdle({"type": "end_turn"})
    state.primary.status, state.primary.stop = "idle", {"type": "end_turn"}
    assert step(state) != Begin([], [])
    child.status, child.pending = "terminated", False
    assert step(state) == Begin([], [])


async def test_order() -> None:
    """facts 9.9; the echo is processed on receipt, and stands before the running pair."""
    scene = Scene()
    scene.mind.scripts.extend([Script([Say(["done"])]), LOOK, verdict("satisfied")])
    scene.log.put_outcome()
    await scene.run()
    assert scene.types == [
        "user.define_outcome", "session.status_running", "session.thread_status_running", "span.model_request_start",
        "agent.message", "span.model_request_end", START, ONGOING, END, "session.thread_status_idle", "session.usage",
        "session.status_idle",
    ]  # fmt: skip
    assert [each["result"] for each in scene.log.outcomes] == ["satisfied"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commit", range(1, 9))
async def test_death_at_each_commit(commit: int, when: Any) -> None:
    """The evaluation goes on where it was: one span for each iteration, and nothing is looked at twice."""
    log, mind, box = MemoryLog(agent()), Mind(), Box()
    log.put_outcome(max_iterations=2)
    log.crash = (commit, when)
    brains = 0
    while True:
        scene = Scene()
        scene.log, scene.mind, scene.box = log, mind, box
        scene.parts = parts(log, mind, box)
        brains += 1
        mind.scripts.clear()
        mind.scripts.extend(remaining(log.log))
        try:
            await scene.run()
            break
        except (Crash, Superseded):
            continue
    assert brains <= 2
    kinds = [row.body["result"] for row in log.log if row.type == END]
    assert kinds == ["needs_revision", "satisfied"]
    assert [row.body["iteration"] for row in log.log if row.type == START] == [0, 1]
    assert sum("said" in (row.private or {}) for row in log.log) == 1
    assert [each["result"] for each in log.outcomes] == ["satisfied"]
    graded = [each for each in mind.requests if any(tool["name"] == "give_verdict" for tool in each.tools)]
    assert len(graded[-1].messages) == 3, "it knows its verdict of before, not what it saw then"


def remaining(rows: list[Row]) -> list[Script]:
    """What the models say that have not been heard yet, by what the log has of them."""
    heard = [row for row in rows if row.type in ("agent.message", END) or "said" in (row.private or {})]
    plan = [Script([Say(["one"])]), LOOK, verdict("needs_revision"), Script([Say(["two"])]), verdict("satisfied")]
    return plan[len(heard) :]


async def test_a_result_that_is_too_long_is_not_written_anywhere() -> None:
    """A grader changes nothing: what it sees of a long result are its two ends."""
    scene = Scene()
    long = "x" * 300

    async def execute(*_: Any, **__: Any) -> Any:
        from journeyman.sandboxes.port import ExecResult  # noqa: PLC0415 - for this alone

        return ExecResult(0, "".join(f"./{long}{number}\n" for number in range(500)).encode(), b"", False)

    scene.box.exec = execute
    scene.mind.scripts.extend([Script([Say(["done"])]), Script([Call("grep", {"pattern": "x"})], "tool_use")])
    scene.mind.scripts.append(verdict("satisfied"))
    scene.log.put_outcome()
    await scene.run()
    assert scene.box.effects == {}
    assert "not saved: ask for less output" in str(scene.mind.requests[-1].messages)
