"""Summarising a history."""

import copy

from journeyman.models.port import ModelError, ModelRequest
from journeyman.models.scripted import Call, Say, Script
from journeyman.runtime.brain import Brain
from journeyman.runtime.compaction import compaction_request, summary_blocks

from .memory_log import MemoryLog
from .rows import text
from .surroundings import Box, Mind, agent, parts
from .validity import check_log

TOO_LONG = ModelError("failed", "prompt is too long: 210000 tokens > 200000 maximum", transient=False, status=400)


def request(*messages: tuple[str, list[dict[str, object]]]) -> ModelRequest:
    return ModelRequest("m", [], [{"role": role, "content": content} for role, content in messages], [], 10)


def test_it_asks_at_the_end_of_the_last_user_turn() -> None:
    asked = compaction_request(request(("user", [text("hi")])), clip=False)
    assert [message["role"] for message in asked.messages] == ["user"]
    assert asked.messages[0]["content"][0] == text("hi")
    asked = compaction_request(request(("user", [text("hi")]), ("assistant", [text("a")])), clip=False)
    assert [message["role"] for message in asked.messages] == ["user", "assistant", "user"]


def test_clipping_shortens_results_and_leaves_the_history_alone() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": [text("x" * 9_000)], "is_error": False}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}
    given = request(("user", [result, image]))
    before = copy.deepcopy(given)
    clipped = compaction_request(given, clip=True)
    assert given == before
    assert len(clipped.messages[0]["content"][0]["content"][0]["text"]) < 2_000
    assert clipped.messages[0]["content"][1] == text("[image]")
    assert compaction_request(given, clip=False).messages[0]["content"][:2] == [result, image]


def test_the_persons_last_words_stand_beside_the_summary() -> None:
    blocks = summary_blocks("so far", ["please"])
    assert "so far" in blocks[0]["text"]
    assert "please" in blocks[1]["text"]
    assert len(summary_blocks("so far", [])) == 1


async def turn(mind: Mind, *said: str, **settings: int) -> MemoryLog:
    """One turn after another, each to its end."""
    log = MemoryLog(agent())
    brain = await Brain.wake_up(parts(log, mind, Box(), **settings), "sesn_test")
    assert brain is not None
    for words in said:
        log.put("user.message", content=[text(words)])
        brain.notify()
        while await brain.run() is not None:
            pass
        check_log(log.log)
    return log


def last_stop(log: MemoryLog) -> str:
    return next(row for row in reversed(log.log) if row.type == "session.status_idle").body["stop_reason"]["type"]


async def test_a_long_history_is_summarised_before_the_next_request() -> None:
    mind = Mind(window=2_000)
    mind.scripts.extend([Script([Say(["a" * 8_000])]), Script([Say(["the summary"])]), Script([Say(["on"])])])
    log = await turn(mind, "first", "second")
    assert len(mind.requests) == 3
    assert mind.requests[1].messages[-1]["content"][-1]["text"].startswith("The conversation is about to be replaced")
    [only] = mind.requests[2].messages
    assert "the summary" in only["content"][0]["text"]
    assert "second" in only["content"][1]["text"]
    assert [row.type for row in log.log].count("agent.thread_context_compacted") == 1
    assert last_stop(log) == "end_turn"


async def test_summaries_do_not_nest() -> None:
    mind = Mind(window=2_000)
    big = Say(["a" * 8_000])
    call = Call("bash", {"command": "x" * 8_000})
    summaries = [Script([Say([f"summary {number}"])]) for number in range(3)]
    mind.scripts.extend(
        [
            Script([big]),
            summaries[0],
            Script([call], "tool_use"),
            summaries[1],
            Script([call], "tool_use"),
            summaries[2],
        ]
    )
    await turn(mind, "first", "second")
    last = mind.requests[-1].messages[0]["content"]
    together = " ".join(block["text"] for block in last)
    assert "summary 2" in together
    assert "summary 1" not in together
    assert together.count("second") == 1


async def test_a_single_message_that_is_too_long_ends_the_turn() -> None:
    mind = Mind()
    mind.scripts.extend([Script([], error=TOO_LONG)] * 50)
    log = await turn(mind, "much")
    assert len(mind.requests) == 1
    assert last_stop(log) == "retries_exhausted"


async def test_a_history_refused_as_too_long_is_compacted() -> None:
    mind = Mind()
    mind.scripts.extend(
        [Script([Say(["a"])]), Script([], error=TOO_LONG), Script([Say(["sum"])]), Script([Say(["b"])])]
    )
    log = await turn(mind, "first", "second")
    assert len(mind.requests) == 4
    assert last_stop(log) == "end_turn"


async def test_a_history_that_cannot_be_compacted_ends_the_turn_and_the_next_may_try_again() -> None:
    mind = Mind()
    mind.scripts.extend([Script([Say(["a"])]), *[Script([], error=TOO_LONG)] * 50])
    log = await turn(mind, "first", "second")
    assert last_stop(log) == "retries_exhausted"
    asked = len(mind.requests)
    assert asked <= 6
    mind.scripts.clear()
    log.put("user.message", content=[text("third")])
    brain = await Brain.wake_up(parts(log, mind, Box()), "sesn_test")
    assert brain is not None
    await brain.run()
    assert len(mind.requests) > asked, "a new turn asks again"


async def test_a_model_that_gives_no_summary_is_asked_again_and_then_the_turn_ends() -> None:
    mind = Mind(window=2_000)
    call = Script([Call("bash", {"command": "ls"})], "tool_use")
    mind.scripts.extend([Script([Say(["a" * 8_000])]), *[call] * 20])
    log = await turn(mind, "first", "second")
    assert last_stop(log) == "retries_exhausted"
    assert len(mind.requests) < 10
