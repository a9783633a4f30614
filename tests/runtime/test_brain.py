"""The brain: what arrives at awkward moments, what fails, and what another brain takes up."""

import asyncio
from typing import Any

import pytest

from journeyman.engine.port import Superseded
from journeyman.models.port import ModelError
from journeyman.models.scripted import Call, Say, Script
from journeyman.runtime.brain import Brain
from journeyman.runtime.hub import Hub
from journeyman.store.port import Row
from journeyman.wire.times import now_us

from .memory_log import Crash, MemoryLog
from .rows import text
from .surroundings import Box, Mind, agent, parts
from .validity import check_log

BUSY = ModelError("overloaded", "busy", transient=True)
REFUSED = ModelError("failed", "no such model", transient=False)


class Scene:
    """One session and its owner."""

    def __init__(self, **settings: Any) -> None:
        self.log, self.mind, self.box, self.hub = MemoryLog(agent()), Mind(), Box(), Hub()
        self.parts = parts(self.log, self.mind, self.box, self.hub, **settings)
        self.brain: Brain | None = None

    def send(self, type_: str, **fields: Any) -> None:
        self.log.put(type_, **fields)
        if self.brain is not None:
            self.brain.notify()

    def say(self, said: str) -> None:
        self.send("user.message", content=[text(said)])

    def interrupt(self) -> None:
        self.send("user.interrupt", session_thread_id=None)

    async def run(self) -> None:
        """Until it rests."""
        if self.brain is None:
            self.brain = await Brain.wake_up(self.parts, "sesn_test")
        assert self.brain is not None
        async with asyncio.timeout(5):
            while (due := await self.brain.run()) is not None:
                await asyncio.sleep(max(0, due - now_us()) / 1e6)
        check_log(self.log.log)

    @property
    def types(self) -> list[str]:
        return [row.type for row in self.log.log]

    def last(self, type_: str) -> Row:
        return next(row for row in reversed(self.log.log) if row.type == type_)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_a_text_turn_has_the_references_order(scene: Scene) -> None:
    """facts 9.1."""
    scene.say("hi")
    await scene.run()
    assert scene.types == [
        "session.status_running", "session.thread_status_running", "user.message", "span.model_request_start",
        "agent.message", "span.model_request_end", "session.thread_status_idle", "session.usage",
        "session.status_idle",
    ]  # fmt: skip


async def test_a_tool_turn_has_the_references_order(scene: Scene) -> None:
    """facts 9.2: all calls, the span's end, then all results in call order."""
    calls = [Call("bash", {"command": str(number)}) for number in range(3)]
    scene.mind.scripts.append(Script([Say(["look"]), *calls], "tool_use"))
    scene.say("hi")
    await scene.run()
    first = scene.types.index("span.model_request_start")
    assert scene.types[first : first + 10] == [
        "span.model_request_start", "agent.message", *["agent.tool_use"] * 3, "span.model_request_end",
        *["agent.tool_result"] * 3, "span.model_request_start",
    ]  # fmt: skip
    uses = [row.id for row in scene.log.log if row.type == "agent.tool_use"]
    assert [row.body["tool_use_id"] for row in scene.log.log if row.type == "agent.tool_result"] == uses


async def test_a_message_in_mid_turn_lands_before_the_next_request(scene: Scene) -> None:
    """facts 9.3."""
    scene.mind.scripts.append(Script([Call("bash", {"command": "x"})], "tool_use"))
    scene.box.meanwhile = lambda: scene.say("in between") is not None
    scene.say("hi")
    await scene.run()
    after = scene.types[scene.types.index("agent.tool_result") :]
    assert after[:3] == ["agent.tool_result", "user.message", "span.model_request_start"]
    assert scene.types.count("session.status_idle") == 1


async def test_an_interrupt_that_comes_while_the_inbox_is_read_cuts_the_request(scene: Scene) -> None:
    """The read, for a wake with nothing behind it, has its view already when the interrupt is sent."""
    scene.mind.scripts.append(Script([Call("bash", {"command": "x"})], "tool_use"))

    def late_wake() -> bool:
        assert scene.brain is not None
        scene.brain.notify()
        scene.mind.meanwhile, scene.mind.after = lambda: True, 1
        return False

    owner = asyncio.current_task()

    def read() -> None:
        if "agent.tool_result" in scene.types and asyncio.current_task() is owner:
            scene.log.after_read = None
            scene.interrupt()

    scene.box.meanwhile = late_wake
    scene.log.after_read = read
    scene.say("hi")
    await scene.run()
    assert not scene.mind.hang.uncut
    assert "user.interrupt" in scene.types
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


@pytest.mark.parametrize("where", ["request", "tool"])
async def test_an_interrupt_that_comes_during_a_look_at_other_mail_cuts_the_step(scene: Scene, where: str) -> None:
    hanging = scene.mind if where == "request" else scene.box
    hanging.meanwhile = lambda: True
    scene.mind.after = 1
    scene.mind.scripts.append(Script([Call("bash", {"command": "x"})], "tool_use"))
    scene.say("hi")
    running = asyncio.create_task(scene.run())
    await hanging.hang.reached.wait()
    gate = scene.log.read_gate = asyncio.Event()
    scene.say("more")
    await scene.log.reading.wait()
    scene.interrupt()
    gate.set()
    await running
    assert not hanging.hang.uncut
    assert "user.interrupt" in scene.types


async def test_other_mail_does_not_cut_a_request(scene: Scene) -> None:
    done = asyncio.Event()

    def meanwhile() -> bool:
        scene.say("more")
        done.set()
        return False

    scene.mind.meanwhile, scene.mind.after = meanwhile, 1
    scene.say("hi")
    await scene.run()
    assert done.is_set()
    assert len(scene.mind.requests) == 2, "the first answer is whole, then the second message is answered"
    assert [row.body["is_error"] for row in scene.log.log if row.type == "span.model_request_end"] == [False, False]


async def test_an_interrupt_closes_the_request_and_every_open_call(scene: Scene) -> None:
    """facts 9.6: the cut request still gets its span end; one is_error result per abandoned call."""
    calls = [Call("bash", {"command": "a"}), Call("mine", {}), Call("write", {"file_path": "/a", "content": "b"})]
    scene.mind.scripts.append(Script(calls, "tool_use"))
    scene.box.meanwhile = lambda: scene.interrupt() is None
    scene.say("hi")
    await scene.run()
    results = [row for row in scene.log.log if row.type in ("agent.tool_result", "user.custom_tool_result")]
    assert len(results) == 3
    assert all(row.body["is_error"] for row in results)
    assert scene.types.index("user.interrupt") < scene.types.index("session.thread_status_idle")
    scene.say("again")
    await scene.run()
    assert len(scene.mind.requests) == 2


async def test_a_message_behind_an_interrupt_starts_a_new_turn(scene: Scene) -> None:
    def both() -> bool:
        scene.interrupt()
        scene.say("new")
        return True

    scene.mind.meanwhile, scene.mind.after = both, 1
    scene.say("old")
    await scene.run()
    assert scene.types.count("session.status_idle") == 2
    assert scene.mind.requests[-1].messages[-1]["content"][-1]["text"] == "new"


async def test_a_brain_that_dies_right_after_an_interrupt_leaves_the_message_behind_it_to_the_next(
    scene: Scene,
) -> None:
    def both() -> bool:
        scene.interrupt()
        scene.say("new")
        scene.log.crash = (1, "after")
        return True

    scene.mind.meanwhile, scene.mind.after = both, 1
    scene.say("old")
    with pytest.raises(Crash):
        await scene.run()
    assert scene.log.seen < scene.log.end or not scene.log.waiting, "what waits counts as unread"
    scene.brain = None
    await scene.run()
    assert [row.type for row in scene.log.log].count("user.message") == 2


@pytest.mark.parametrize("when", [None, 0, 1])
async def test_a_permanent_failure_ends_the_turn_and_takes_each_message_once(scene: Scene, when: int | None) -> None:
    """facts 9.7: exhausted, queued input dropped, idle with retries_exhausted. The log refuses doubled events."""
    scene.mind.scripts.append(Script([Say(["a ", "b"])], error=REFUSED, error_after=when))
    scene.say("hi")
    await scene.run()
    assert scene.types.count("user.message") == 1
    assert scene.last("session.error").body["error"]["retry_status"] == {"type": "exhausted"}
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "retries_exhausted"}
    scene.say("again")
    await scene.run()
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


async def test_a_passing_failure_is_tried_again(scene: Scene) -> None:
    """facts 9.7."""
    scene.mind.scripts.extend([Script([], error=BUSY), Script([], error=BUSY)])
    scene.say("hi")
    await scene.run()
    assert len(scene.mind.requests) == 3
    assert scene.types.count("session.status_rescheduled") == 2
    errors = [row.body["error"] for row in scene.log.log if row.type == "session.error"]
    assert [error["retry_status"]["type"] for error in errors] == ["retrying", "retrying"]
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


async def test_a_failure_that_does_not_pass_ends_the_turn(scene: Scene) -> None:
    scene.mind.scripts.extend([Script([], error=BUSY)] * 10)
    scene.say("hi")
    await scene.run()
    assert len(scene.mind.requests) == 3
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "retries_exhausted"}
    scene.mind.scripts.clear()
    scene.say("again")
    await scene.run()
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


async def test_attempts_are_counted_over_a_death() -> None:
    scene = Scene(backoff_base=0.1, backoff_cap=0.1)
    scene.mind.scripts.extend([Script([], error=BUSY)] * 10)
    scene.say("hi")
    brain = scene.brain = await Brain.wake_up(scene.parts, "sesn_test")
    assert brain is not None
    assert await brain.run() is not None
    scene.brain = None
    await scene.run()
    assert len(scene.mind.requests) == 3


async def test_an_interrupt_ends_a_back_off() -> None:
    scene = Scene(backoff_base=60.0, backoff_cap=60.0)
    scene.mind.scripts.append(Script([], error=BUSY))
    scene.say("hi")
    brain = scene.brain = await Brain.wake_up(scene.parts, "sesn_test")
    assert brain is not None
    assert await brain.run() is not None
    scene.interrupt()
    assert await brain.run() is None
    assert scene.types[-4:] == [
        "user.interrupt", "session.thread_status_idle", "session.usage", "session.status_idle"
    ]  # fmt: skip


async def test_a_superseded_brain_stops_and_writes_nothing(scene: Scene) -> None:
    scene.say("hi")
    old = await Brain.wake_up(scene.parts, "sesn_test")
    assert old is not None
    await scene.run()
    before = list(scene.log.log)
    with pytest.raises(Superseded):
        await old.run()
    assert scene.log.log == before


async def test_a_call_of_a_dead_brain_is_not_executed_twice(scene: Scene) -> None:
    scene.mind.scripts.append(Script([Call("bash", {"command": "x"})], "tool_use"))
    scene.say("hi")

    def die() -> bool:
        scene.log.crash = (1, "before")
        return False

    scene.box.meanwhile = die
    with pytest.raises(Crash):
        await scene.run()
    assert "agent.tool_result" not in scene.types
    scene.brain = None
    await scene.run()
    assert list(scene.box.effects.values()) == [1]
    assert scene.types.count("agent.tool_result") == 1


async def test_a_tool_that_breaks_is_told_to_the_model_as_unknown(scene: Scene) -> None:
    def broken() -> bool:
        raise OSError("disk")

    scene.mind.scripts.append(Script([Call("bash", {"command": "x"})], "tool_use"))
    scene.box.meanwhile = broken
    scene.say("hi")
    await scene.run()
    assert scene.last("agent.tool_result").body["is_error"]
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


async def test_a_blank_message_asks_nothing_of_the_model(scene: Scene) -> None:
    """A model refuses a conversation that is empty, or whose last word is its own."""
    scene.say(" \n")
    await scene.run()
    scene.say("hi")
    await scene.run()
    scene.say("\t")
    await scene.run()
    assert len(scene.mind.requests) == 1
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "end_turn"}


async def test_a_duplicate_result_is_absorbed_without_a_request(scene: Scene) -> None:
    """facts 9.5: running pair, idle pair, no model request, and the duplicate is listed after those."""
    scene.mind.scripts.append(Script([Call("mine", {})], "tool_use"))
    scene.say("hi")
    await scene.run()
    call = scene.last("agent.custom_tool_use").id
    assert scene.last("session.status_idle").body["stop_reason"] == {"type": "requires_action", "event_ids": [call]}
    for _ in range(2):
        scene.send("user.custom_tool_result", custom_tool_use_id=call, content=[text("done")], is_error=False)
        await scene.run()
    assert len(scene.mind.requests) == 2
    assert scene.types[-6:] == [
        "session.status_running", "session.thread_status_running", "session.thread_status_idle", "session.usage",
        "session.status_idle", "user.custom_tool_result",
    ]  # fmt: skip


async def test_a_message_held_behind_an_open_call_counts_as_seen(scene: Scene) -> None:
    """facts 7.7: a session that requires action may be archived, also when messages wait behind the call."""
    scene.mind.scripts.append(Script([Call("mine", {})], "tool_use"))
    scene.say("hi")
    await scene.run()
    scene.say("held")
    await scene.run()
    assert [item.type for item in scene.log.waiting] == ["user.message"]
    assert scene.log.seen == scene.log.end
    assert len(scene.mind.requests) == 1


async def test_previews_of_a_request_follow_its_span_and_precede_its_message(scene: Scene) -> None:
    """facts 10.6."""
    stream = scene.hub.subscribe("sesn_test", None, frozenset({"agent.message"}))
    scene.mind.scripts.append(Script([Say(["a ", "b"])]))
    scene.say("hi")
    await scene.run()
    names = [frame.partition(b"\n")[0].removeprefix(b"event: ").decode() for frame in stream.frames]
    assert names[3:8] == ["span.model_request_start", "event_start", "event_delta", "event_delta", "agent.message"]
