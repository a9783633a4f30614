"""An answer as it streams in."""

from typing import Any

import pytest

from journeyman.models.port import ModelRequest
from journeyman.models.scripted import Call, Say, Script, ScriptedModel, Think
from journeyman.runtime.answer import Answer

JsonObject = dict[str, Any]
Frames = list[tuple[str, JsonObject]]


def start(index: int, **content: Any) -> JsonObject:
    return {"type": "content_block_start", "index": index, "content_block": content}


def text(index: int, part: str) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": part}}


def json_part(index: int, part: str) -> JsonObject:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": part}}


def stop(index: int) -> JsonObject:
    return {"type": "content_block_stop", "index": index}


def taken(*events: JsonObject) -> tuple[Answer, Frames]:
    frames: Frames = []
    answer = Answer(lambda of, frame: frames.append((of, frame)))
    for event in events:
        answer.take(event)
    return answer, frames


def contents(answer: Answer) -> list[JsonObject]:
    return [block for _, block in answer.blocks()]


async def test_blocks_are_put_together_in_order() -> None:
    script = Script([Think(["h", "m"]), Say(["a ", "b"]), Call("bash", {"command": "x" * 200}), Call("mine", {})])
    answer, _ = taken()
    request = ModelRequest("m", [], [{"role": "user", "content": []}], [], 10)
    async for event in ScriptedModel(lambda _: script).stream(request):
        answer.take(event)
    thinking, said, bash, mine = contents(answer)
    assert thinking["thinking"] == "hm"
    assert thinking["signature"].startswith("scripted")
    assert said == {"type": "text", "text": "a b"}
    assert (bash["name"], bash["input"]) == ("bash", {"command": "x" * 200})
    assert (mine["name"], mine["input"]) == ("mine", {})
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_a_call_goes_by_its_event_id() -> None:
    """facts 3.3: never by the model's own toolu_ id."""
    answer, _ = taken(start(0, type="tool_use", id="toolu_1", name="bash", input={}), json_part(0, "{}"), stop(0))
    [(event_id, block)] = answer.blocks()
    assert event_id.startswith("sevt_")
    assert block["id"] == event_id


def test_interleaved_blocks_keep_the_order_of_their_index() -> None:
    answer, _ = taken(
        start(0, type="tool_use", id="a", name="first", input={}),
        start(1, type="tool_use", id="b", name="second", input={}),
        json_part(1, '{"x":'),
        json_part(0, '{"y": 2}'),
        json_part(1, " 1}"),
        stop(1),
        stop(0),
    )
    assert [(block["name"], block["input"]) for block in contents(answer)] == [
        ("first", {"y": 2}),
        ("second", {"x": 1}),
    ]


def test_texts_in_a_row_are_one_message() -> None:
    answer, frames = taken(
        start(0, type="text", text=""), text(0, "one"), stop(0), start(1, type="text", text=""), text(1, "two"), stop(1)
    )
    ids = {event_id for event_id, _ in answer.blocks()}
    assert len(ids) == 1
    deltas = [frame["delta"]["index"] for _, frame in frames if frame["type"] == "event_delta"]
    assert deltas == [0, 1]
    assert len([frame for _, frame in frames if frame["type"] == "event_start"]) == 1


def test_texts_apart_are_two_messages() -> None:
    answer, _ = taken(
        start(0, type="text", text=""), text(0, "one"), stop(0),
        start(1, type="tool_use", id="a", name="bash", input={}), stop(1),
        start(2, type="text", text=""), text(2, "two"), stop(2),
    )  # fmt: skip
    assert len({event_id for event_id, _ in answer.blocks()}) == 3


def test_previews_start_continue_and_end_under_the_final_id() -> None:
    """facts 10.6."""
    answer, frames = taken(
        start(0, type="thinking", thinking="", signature=""), stop(0),
        start(1, type="text", text=""), text(1, "one "), text(1, "two"), stop(1),
        start(2, type="tool_use", id="a", name="bash", input={}), json_part(2, "{}"), stop(2),
    )  # fmt: skip
    (thinking, _), (said, _), _ = answer.blocks()
    assert [of for of, _ in frames] == ["agent.thinking", "agent.message", "agent.message", "agent.message"]
    assert [frame for _, frame in frames][:2] == [
        {"type": "event_start", "event": {"type": "agent.thinking", "id": thinking}},
        {"type": "event_start", "event": {"type": "agent.message", "id": said}},
    ]
    assert frames[2][1] == {
        "type": "event_delta",
        "event_id": said,
        "delta": {"type": "content_delta", "index": 0, "content": {"type": "text", "text": "one "}},
    }


def test_empty_text_is_no_block() -> None:
    answer, _ = taken(start(0, type="text", text=""), stop(0))
    assert answer.blocks() == []


def test_an_open_block_is_not_there_yet() -> None:
    answer, _ = taken(start(0, type="text", text=""), text(0, "one"))
    assert answer.blocks() == []


@pytest.mark.parametrize("parts", [["{"], ["[1]"], ["null"], ['"x"'], ["{}{}"]])
def test_arguments_that_are_no_object_do_not_break_the_turn(parts: list[str]) -> None:
    events = [json_part(0, part) for part in parts]
    answer, _ = taken(start(0, type="tool_use", id="a", name="bash", input={}), *events, stop(0))
    assert contents(answer)[0]["input"] == {"_unparsed": "".join(parts)}


def test_usage_is_what_was_said_last() -> None:
    answer, _ = taken(
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {
            "type": "message_delta",
            "delta": {
                "stop_reason": "refusal",
                "stop_details": {"type": "refusal", "category": "c", "explanation": "e"},
            },
            "usage": {
                "output_tokens": 9,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4,
                "cache_creation": {"ephemeral_1h_input_tokens": 1, "ephemeral_5m_input_tokens": 3},
            },
        },
    )
    usage = answer.usage.wire() | {"speed": None}
    assert usage == {
        "input_tokens": 5, "output_tokens": 9, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 3,
        "speed": None,
    }  # fmt: skip
    assert answer.usage.cache_write_1h == 1
    assert answer.stop_reason == "refusal"
    assert answer.stop_details == {"type": "refusal", "category": "c", "explanation": "e"}
