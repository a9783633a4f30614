"""The machine as a state machine: any client, any model, any failure and any death of the process, in any order.

The brain is the real one; its log, model and sandbox are in memory, so that a death can be put at any append.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from journeyman.engine.port import Superseded
from journeyman.models.port import ModelError
from journeyman.models.scripted import Block, Call, Say, Script, Think
from journeyman.runtime.brain import Brain
from journeyman.runtime.decide import decide
from journeyman.runtime.folding import fold
from journeyman.runtime.hub import Hub, Subscriber
from journeyman.runtime.session import SessionState
from journeyman.runtime.steps import Wait
from journeyman.runtime.usage import Usage
from journeyman.wire.times import now_us

from .memory_log import Crash, MemoryLog
from .surroundings import Box, Mind, agent, parts
from .validity import check_history, check_log

TEXT = st.sampled_from(["hello", "x" * 400, " ", "\n\n", "ünï"])
TOOLS = st.sampled_from(
    [
        Call("bash", {"command": "echo hi"}),
        Call("bash", {"wrong": 1}),
        Call("write", {"file_path": "/a", "content": "b"}),
        Call("edit", {"file_path": "/a", "old_string": "b", "new_string": "c"}),
        Call("mine", {}),
        Call("mine", {"again": True}),
        Call("nope", {"a": 1}),
    ]
)
BLOCKS = st.lists(st.one_of(TEXT.map(lambda text: Say([text])), st.just(Think(["hm"])), TOOLS), max_size=4)
FAILURES = st.sampled_from(
    [
        ("overloaded", "busy", True),
        ("failed", "bad request", False),
        ("billing", "no money", False),
        ("failed", "prompt is too long: 300000 tokens", False),
    ]
)


def script(blocks: list[Block], cut: str | None) -> Script:
    stop = "tool_use" if any(isinstance(block, Call) for block in blocks) else "end_turn"
    return Script(blocks, cut or stop)


def failing(blocks: list[Block], failure: tuple[Any, str, bool], after: int | None) -> Script:
    kind, message, transient = failure
    return Script(blocks, error=ModelError(kind, message, transient=transient), error_after=after)


SCRIPTS = st.one_of(
    st.builds(script, BLOCKS, st.sampled_from([None, None, None, "max_tokens", "refusal"])),
    st.builds(failing, st.just([Say(["some ", "words"])]), FAILURES, st.sampled_from([None, 0, 1])),
)


VERDICTS = st.sampled_from(
    [
        Call("give_verdict", {"result": each, "explanation": "seen"})
        for each in ("satisfied", "needs_revision", "failed")
    ]
    + [Call("give_verdict", {"result": "perfect"}), Call("glob", {"pattern": "*"}), Call("write", {"file_path": "/x"})]
)
GRADED = st.one_of(
    SCRIPTS, st.builds(script, st.lists(st.one_of(TEXT.map(lambda text: Say([text])), VERDICTS)), st.none())
)


@dataclass(frozen=True)
class Plan:
    """What happens while the session works: at one place the client speaks; at one commit the process dies."""

    where: Literal["request", "tool", None]
    after: int
    says: bool
    cuts: bool
    death: tuple[int, Literal["before", "after"]] | None


PLANS = st.builds(
    Plan,
    where=st.sampled_from([None, "request", "tool"]),
    after=st.integers(1, 4),
    says=st.booleans(),
    cuts=st.booleans(),
    death=st.none() | st.tuples(st.integers(1, 5), st.sampled_from(["before", "after"])),
)


class Machine(RuleBasedStateMachine):
    """One session. Its client sends, its model has scripts, its process dies; after `rest` all must be well."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.brain: Brain | None = None
        self.state: SessionState | None = None

    @initialize(window=st.sampled_from([2_000, 10**9]))
    def begin(self, window: int) -> None:
        self.runner.run(self._begin(window))

    async def _begin(self, window: int) -> None:
        self.log, self.mind, self.box, self.hub = MemoryLog(agent()), Mind(window), Box(), Hub()
        self.parts = parts(self.log, self.mind, self.box, self.hub)
        self.stream: Subscriber = self.hub.subscribe("sesn_test", None, frozenset())
        self.lived_at = 0

    def teardown(self) -> None:
        try:
            if self.brain is not None or self.state is not None:
                self.rest()
        finally:
            self.runner.close()

    # The client.

    def send(self, type_: str, **fields: Any) -> None:
        self.log.put(type_, **fields)
        if self.brain is not None:
            self.brain.notify()

    def message(self, text: str) -> None:
        self.send("user.message", content=[{"type": "text", "text": text}])

    def interrupt(self) -> None:
        self.send("user.interrupt", session_thread_id=None)

    @rule(scripts=st.lists(SCRIPTS, max_size=3), texts=st.lists(TEXT, min_size=1, max_size=2), plan=PLANS)
    def turn(self, scripts: list[Script], texts: list[str], plan: Plan) -> None:
        self.mind.scripts.extend(scripts)
        for text in texts:
            self.message(text)
        self.carry_out(plan)

    @rule(plan=PLANS)
    def answer_everything(self, plan: Plan) -> None:
        """Every call that a client may answer is answered, some for the second time."""
        for target in self.asked(custom=False)[-4:]:
            self.send("user.tool_confirmation", tool_use_id=target, result="allow", deny_message=None)
        for target in self.asked(custom=True)[-4:]:
            self.send("user.custom_tool_result", custom_tool_use_id=target, content=[], is_error=True)
        self.carry_out(plan)

    @rule(which=st.integers(0, 3), allow=st.booleans(), plan=st.none() | PLANS)
    def confirm(self, which: int, allow: bool, plan: Plan | None) -> None:
        asked = self.asked(custom=False)[-4:]
        target = asked[which % len(asked)] if asked else "sevt_unknown"
        verdict = {"result": "allow", "deny_message": None} if allow else {"result": "deny", "deny_message": "no!"}
        self.send("user.tool_confirmation", tool_use_id=target, **verdict, session_thread_id=None)
        self.carry_out(plan)

    @rule(
        which=st.integers(0, 3), content=st.sampled_from([[], [{"type": "text", "text": "done"}]]),
        system=st.booleans(),
        plan=st.none() | PLANS,
    )  # fmt: skip
    def result(self, which: int, content: list[dict[str, Any]], system: bool, plan: Plan | None) -> None:
        asked = self.asked(custom=True)[-4:]
        target = asked[which % len(asked)] if asked else "sevt_unknown"
        fields = {"content": content, "is_error": False, "session_thread_id": None}
        self.send("user.custom_tool_result", custom_tool_use_id=target, **fields)
        if system:
            self.send("system.message", content=[{"type": "text", "text": "mind this"}])
        self.carry_out(plan)

    @rule(scripts=st.lists(GRADED, max_size=5), most=st.integers(1, 3), plan=st.none() | PLANS)
    def outcome(self, scripts: list[Script], most: int, plan: Plan | None) -> None:
        """One at a time: the store refuses another."""
        if self.log.outcome_is_open:
            return
        self.mind.scripts.extend(scripts)
        self.log.put_outcome(max_iterations=most)
        if self.brain is not None:
            self.brain.notify()
        self.carry_out(plan)

    @rule(what=st.sampled_from(["message", "system", "title", "agent", "interrupt"]), plan=st.none() | PLANS)
    def something_else(self, what: str, plan: Plan | None) -> None:
        match what:
            case "message":
                self.message("hello")
            case "system":
                self.send("system.message", content=[{"type": "text", "text": "mind this"}])
            case "title":
                self.send("session.updated", title="t")
            case "agent":
                self.send("session.updated", agent=agent(system=None, tools=self.log.agent["tools"]))
            case _:
                self.interrupt()
        self.carry_out(plan)

    def asked(self, *, custom: bool) -> list[str]:
        """Calls of the log that a client may answer, also those that are settled."""
        if custom:
            return [row.id for row in self.log.log if row.type == "agent.custom_tool_use"]
        asks = [row for row in self.log.log if row.type == "agent.tool_use"]
        return [row.id for row in asks if row.body["evaluated_permission"] == "ask"]

    # The model, the tools, the process.

    def carry_out(self, plan: Plan | None) -> None:
        """What goes on while the session works; without a plan it does not work yet."""
        if plan is None:
            return
        self.log.crash = plan.death

        def meanwhile() -> bool:
            if plan.says:
                self.message("in between")
            if plan.cuts:
                self.interrupt()
            return plan.cuts

        if plan.where == "tool":
            self.box.meanwhile = meanwhile
        elif plan.where == "request":
            self.mind.meanwhile, self.mind.after = meanwhile, plan.after
        self.rest()

    @rule()
    def forget(self) -> None:
        """The process ends while the session rests."""
        self.brain = None

    def rest(self) -> None:
        """The client is silent: the session comes to rest, whatever happens on the way."""
        self.runner.run(asyncio.wait_for(self._rest(), 20))
        self._at_rest()

    async def _rest(self) -> None:
        appends = self.log.appends
        while True:
            assert self.log.appends - appends < 400, "it never comes to rest"
            if self.brain is None:
                await self._wake_up()
            assert self.brain is not None
            try:
                due = await self.brain.run()
            except (Crash, Superseded):
                self.brain = None
                continue
            if due is None:
                return
            await asyncio.sleep(max(0, due - now_us()) / 1e6)

    async def _wake_up(self) -> None:
        """A new brain claims the session, as after a death; streams of the old process are gone."""
        claim = await self.log.claim("sesn_test")
        assert claim is not None
        self.state = fold(claim.agent, claim.thread_id, await self.log.rows("sesn_test"))
        self.brain = Brain(self.parts, claim, self.state)
        self.stream.frames.clear()
        self.lived_at = len(self.log.log)

    def _at_rest(self) -> None:
        state = self.state
        assert state is not None
        assert state.status == self.log.status == "idle"
        assert not self.mind.hang.uncut and not self.box.hang.uncut, "an interrupt cuts what is under way"
        again = fold(self.log.agent, self.log.thread_id, self.log.log)
        assert asdict(again) == asdict(state), "the log tells what its owner knows"
        held = {item.type for item in self.log.waiting}
        tasks = {"user.message", "user.define_outcome"}
        assert held <= (tasks if state.primary.waiting else set()), "everything was taken"
        assert [each for each in self.log.outcomes if each["result"] != "pending"] == [
            each.render() for each in state.outcomes
        ], "its row tells of its outcomes what the log does"
        assert not state.is_evaluating(state.primary), "no evaluation is open at rest"
        assert decide(state, self.log.waiting, now_us(), compact_at=lambda _: 10**9) == []
        total = Usage()
        for row in self.log.log:
            private = row.private or {}
            if row.type == "span.model_request_end":
                total.add(row.body["model_usage"], private)
            elif "usage" in private:
                total.add(private["usage"], private)
        assert state.primary.usage.stored() == total.stored() | {"web_searches": 0}
        if any(row.type == "session.status_idle" for row in self.log.log):
            assert self.log.usage == total.stored()
        shown = [json.loads(frame.partition(b"data: ")[2]) for frame in self.stream.frames]
        assert shown == [row.body for row in self.log.log[self.lived_at :]], "a stream shows what was committed"

    # What always holds.

    @invariant()
    def log_is_well_formed(self) -> None:
        if self.state is not None:
            check_log(self.log.log)

    @invariant()
    def decide_is_total_and_pure(self) -> None:
        """For every prefix of the log that a batch may have ended with, there is one and the same decision."""
        if self.state is None:
            return
        for cut in range(max(0, len(self.log.log) - 3), len(self.log.log) + 1):
            state = fold(self.log.agent, self.log.thread_id, self.log.log[:cut])
            before = orjson.dumps(asdict(state))
            steps = [decide(state, self.log.waiting, 10**9, compact_at=lambda _: 500) for _ in range(2)]
            assert steps[0] == steps[1]
            assert orjson.dumps(asdict(state)) == before, "deciding changes nothing"
            assert state.status == "rescheduling" or not any(isinstance(step, Wait) for _, step in steps[0])

    @invariant()
    def history_is_acceptable(self) -> None:
        if self.state is None or self.state.primary.calls:
            return
        history = self.state.primary.history
        with suppress(IndexError):
            check_history(history if history[-1]["role"] == "user" else history[:-1])


Machine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
test_machine = Machine.TestCase
