import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from journeyman.models.demo import demo
from journeyman.models.port import JsonObject, ModelRequest
from journeyman.models.script_lines import ScriptLines
from journeyman.models.scripted import Say, Script, ScriptedModel, words

from .answers import BASH, answer, request, unique
from .conformance import ModelConformance

pytestmark = pytest.mark.anyio

TASK = "Create a Python script that generates the first 20 Fibonacci numbers and saves them to fibonacci.txt"
WRITE: JsonObject = {"name": "write", "description": "Write a file.", "input_schema": {"type": "object"}}


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(ScriptLines())


class TestConformance(ModelConformance):
    pass


@pytest.mark.parametrize("text", ["", "one", "one two", "  a\n\n b ", "a  "])
def test_words_lose_nothing(text: str) -> None:
    assert "".join(words(text)) == text


async def test_without_a_script_it_answers_ok(model: ScriptedModel) -> None:
    assert (await answer(model, request("hello"))).text == "ok"


async def test_past_the_last_step_it_answers_ok(model: ScriptedModel) -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "a"}]}
    assert (await answer(model, request("SCRIPT: text a", said))).text == "ok"


async def test_the_last_script_decides(model: ScriptedModel) -> None:
    said = {"role": "assistant", "content": [{"type": "text", "text": "a"}]}
    whole = await answer(model, request("SCRIPT: text a | text b", said, "SCRIPT: text c\nmore", "no script"))
    assert whole.text == "c"


async def test_repeated_calls_are_a_step_each(model: ScriptedModel) -> None:
    asked = ["SCRIPT: bash*2 echo hi | text end"]
    kinds: list[str] = []
    history: list[str | JsonObject] = list(asked)
    for _ in range(3):
        whole = await answer(model, request(*history))
        kinds.append(whole.content[0]["type"])
        history.append({"role": "assistant", "content": whole.content})
    assert kinds == ["tool_use", "tool_use", "text"]


async def test_a_fault_hits_as_many_attempts_as_it_says(model: ScriptedModel) -> None:
    asked = request(f"SCRIPT: {{status=529,times=2}} text fine {unique()}")
    failures = [error for error in [await _failure(model, asked) for _ in range(3)] if error is not None]
    assert len(failures) == 2


async def test_bash_needs_the_tool(model: ScriptedModel) -> None:
    whole = await answer(model, request("SCRIPT: bash ls", tools=[]))
    assert whole.text == "no bash tool offered"


async def test_the_first_event_waits_for_ttft() -> None:
    model = ScriptedModel(lambda _: Script([Say(["x"])]), ttft=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await answer(model, request("hello"))


async def test_usage_follows_the_text() -> None:
    model = ScriptedModel(lambda _: Script([Say(["x" * 40, "y" * 40])]))
    whole = await answer(model, request("z" * 400, tools=[]))
    assert whole.usage["output_tokens"] == 20
    assert 100 <= whole.usage["input_tokens"] <= 120


class TestDemo:
    async def test_it_writes_runs_and_reports_what_really_came_out(self, tmp_path: Path) -> None:
        """The reference's quickstart task, done with the real interpreter."""
        model = ScriptedModel(demo)
        write = await answer(model, _demo(TASK))
        assert [block["type"] for block in write.content] == ["text", "tool_use"]
        call = write.content[1]
        assert (call["name"], call["input"]["file_path"]) == ("write", "/workspace/fibonacci.py")

        run = await answer(model, _demo(TASK, *_turn(write.content, "Wrote the file.")))
        assert "python3 fibonacci.py && cat fibonacci.txt" in run.content[1]["input"]["command"]

        script = tmp_path / "fibonacci.py"
        script.write_text(call["input"]["content"])
        subprocess.run([sys.executable, script], cwd=tmp_path, check=True)
        output = (tmp_path / "fibonacci.txt").read_text()
        after = [*_turn(write.content, "Wrote the file."), *_turn(run.content, output)]
        end = await answer(model, _demo(TASK, *after))
        assert end.stop_reason == "end_turn"
        assert "20 numbers, from 0 to 4181" in end.text

    async def test_the_report_is_not_made_up(self) -> None:
        one, two = _turn([], "Wrote the file."), _turn([], "5\n7\n")
        end = await answer(ScriptedModel(demo), _demo(TASK, *one, *two))
        assert "2 numbers, from 5 to 7" in end.text
        nothing = await answer(ScriptedModel(demo), _demo(TASK, *one, *_turn([], "strange")))
        assert "strange" in nothing.text

    async def test_a_failing_tool_is_reported(self) -> None:
        turn = _turn([], "python3: not found", is_error=True)
        end = await answer(ScriptedModel(demo), _demo(TASK, *turn))
        assert end.stop_reason == "end_turn"
        assert "python3: not found" in end.text

    async def test_an_agent_without_the_tools_is_told(self) -> None:
        end = await answer(ScriptedModel(demo), request(TASK))
        assert "write" in end.text
        assert end.stop_reason == "end_turn"

    async def test_any_other_message_is_answered_with_how_to_get_a_real_model(self) -> None:
        done = {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}
        end = await answer(ScriptedModel(demo), _demo(TASK, done, "And now a haiku, please."))
        assert "scripted" in end.text
        assert "ANTHROPIC_API_KEY" in end.text


def _demo(*messages: str | JsonObject) -> ModelRequest:
    return request(*messages, tools=[WRITE, BASH], model="demo")


def _turn(content: list[JsonObject], output: str, *, is_error: bool = False) -> list[JsonObject]:
    text = [{"type": "text", "text": output}]
    result = {"type": "tool_result", "tool_use_id": "t", "content": text, "is_error": is_error}
    return [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]


async def _failure(model: ScriptedModel, asked: ModelRequest) -> Exception | None:
    try:
        await answer(model, asked)
    except Exception as error:
        return error
    return None
