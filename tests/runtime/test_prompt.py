"""What a model is asked: the prefix of one request is the prefix of the next, and the breakpoints say so."""

import json
from itertools import pairwise
from typing import Any

from journeyman.models.port import ModelRequest
from journeyman.runtime.folding import fold
from journeyman.runtime.prompt import build_request
from journeyman.runtime.session import SessionState
from journeyman.tools.registry import Toolset

from .rows import Log, text
from .surroundings import CUSTOM, agent
from .validity import check_request

JsonObject = dict[str, Any]


def request(state: SessionState) -> ModelRequest:
    tools = Toolset().definitions(state.agent["tools"])
    return build_request(state.primary, tools, 1_000)


def unmarked(value: Any) -> Any:
    """Without cache breakpoints, and a message as its blocks: what is cached is a prefix of blocks."""
    if isinstance(value, dict):
        return {key: unmarked(each) for key, each in value.items() if key != "cache_control"}
    return [unmarked(each) for each in value] if isinstance(value, list) else value


def blocks(asked: ModelRequest) -> list[JsonObject]:
    flat = [{"role": message["role"], **block} for message in asked.messages for block in message["content"]]
    return unmarked([*asked.tools, *asked.system, *flat])


def marked(asked: ModelRequest) -> list[int]:
    """The places of the breakpoints among the request's blocks."""
    flat = [block for message in asked.messages for block in message["content"]]
    return [place for place, block in enumerate([*asked.tools, *asked.system, *flat]) if "cache_control" in block]


def conversation() -> list[tuple[SessionState, ModelRequest]]:
    """The requests of a session with tool rounds, a message in mid-turn and two turns."""
    log = Log()
    rows = [log.message("first")]
    asked: list[tuple[SessionState, ModelRequest]] = []

    def ask() -> None:
        state = fold(agent(), "sthr_1", rows)
        asked.append((state, request(state)))

    ask()
    for number in range(3):
        call = f"sevt_call_{number}"
        fields = {"name": "bash", "input": {}, "evaluated_permission": "allow"}
        rows.append(log.row("agent.tool_use", row_id=call, **fields))
        rows.append(log.answer({"type": "tool_use", "id": call, "name": "bash", "input": {}}, stop="tool_use"))
        rows.append(log.row("agent.tool_result", tool_use_id=call, content=[text("out")], is_error=False))
        if number == 1:
            rows.append(log.message("in between"))
        ask()
    rows.append(log.answer(text("done")))
    rows.append(log.message("second"))
    ask()
    return asked


def test_each_request_begins_with_the_one_before() -> None:
    asked = [blocks(each) for _, each in conversation()]
    for earlier, later in pairwise(asked):
        assert later[: len(earlier)] == earlier
        assert len(later) > len(earlier)


def test_each_request_marks_the_end_of_the_one_before() -> None:
    """Else the cache that the earlier request wrote is not read."""
    asked = [each for _, each in conversation()]
    for earlier, later in pairwise(asked):
        end = marked(earlier)[-1]
        assert end == len(blocks(earlier)) - 1, "the last block is marked"
        assert end in marked(later) or end >= marked(later)[-2], "a breakpoint stands at it, or in the same message"


def test_every_request_is_acceptable() -> None:
    for _, each in conversation():
        check_request(each)


def test_building_a_request_changes_nothing() -> None:
    state, first = conversation()[-1]
    before = json.dumps(state.primary.history)
    again = request(state)
    assert json.dumps(state.primary.history) == before
    assert again == first
    assert "cache_control" not in before


def test_without_system_and_tools_there_is_neither() -> None:
    state = fold(agent(system=None, tools=[]), "sthr_1", [Log().message("hi")])
    asked = request(state)
    assert (asked.system, asked.tools) == ([], [])
    assert asked.messages == [
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}
    ]


def test_the_agents_settings_are_asked_for() -> None:
    model = {"id": "test", "speed": "fast", "effort": {"type": "high"}}
    asked = request(fold(agent(model=model), "sthr_1", [Log().message("hi")]))
    assert (asked.model, asked.speed, asked.effort, asked.max_tokens) == ("test", "fast", "high", 1_000)
    assert asked.system[0]["text"] == "Be brief."
    assert asked.tools[-1]["name"] == CUSTOM["name"]


def test_skills_are_told_by_name_purpose_and_place() -> None:
    """facts 14.7: not what they say. The prefix with them is as stable as without."""
    skills = [{"name": "greeting", "description": "How to\ngreet.", "directory": "greeting-2"}]
    state = fold(agent(), "sthr_1", [])
    tools = Toolset().definitions(state.agent["tools"])
    *_, told = build_request(state.primary, tools, 1_000, skills=skills).system
    assert told["text"].endswith("\n- greeting (/workspace/skills/greeting-2/SKILL.md): How to greet.")
    assert "cache_control" in told
