"""bash in a real sandbox."""

import asyncio
import time

import pytest

from journeyman.sandboxes.port import StaleRun
from journeyman.tools.port import ToolResult

from .calls import Caller

pytestmark = pytest.mark.anyio


def _text(result: ToolResult) -> str:
    (block,) = result.content
    return block["text"]


async def test_output_is_raw_text_with_its_trailing_newline(call: Caller) -> None:
    """Output is raw text with its trailing newline; stderr is part of it."""
    result = await call("bash", command="echo one; echo two >&2")
    assert _text(result) == "one\ntwo\n"
    assert not result.is_error


async def test_a_silent_command_says_so(call: Caller) -> None:
    """A silent command gives "(no output)"."""
    assert _text(await call("bash", command="true")) == "(no output)"


async def test_it_starts_in_the_workspace_and_keeps_its_state(call: Caller) -> None:
    assert _text(await call("bash", command="pwd")) == "/workspace\n"
    await call("bash", command="cd /tmp; export COLOUR=blue; greet() { echo hello $1; }")
    assert _text(await call("bash", command='pwd; echo $COLOUR; greet "you all"')) == "/tmp\nblue\nhello you all\n"


async def test_a_failure_keeps_the_output_and_names_the_exit_code(call: Caller) -> None:
    """A non-zero exit is an error result with the output."""
    result = await call("bash", command="echo partly; (exit 3)")
    assert result.is_error
    assert _text(result) == "partly\nExit code 3"


async def test_a_timeout_says_what_to_do(call: Caller) -> None:
    result = await call("bash", command="echo begun; sleep 60", timeout_ms=500)
    assert result.is_error
    assert _text(result).startswith("begun\n")
    assert "time limit of 0.5 s" in _text(result)
    assert "timeout_ms" in _text(result)
    assert _text(await call("bash", command="echo alive")) == "alive\n"


async def test_cancelling_stops_the_command_within_a_second(call: Caller) -> None:
    await call("bash", command="true")
    task = asyncio.create_task(call("bash", command="touch begun; sleep 60; touch finished"))
    while _text(await call("glob", pattern="begun")) != "begun":
        pass
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _text(await call("bash", command="pgrep -c sleep || true")) == "0\n"
    assert time.monotonic() - begun < 2


async def test_losing_the_shell_is_reported(call: Caller) -> None:
    await call("bash", command="LOST=1")
    result = await call("bash", command="exit 7")
    assert result.is_error
    assert "a fresh one was started" in _text(result)
    assert _text(await call("bash", command='echo "[$LOST]"')) == "[]\n"


async def test_restart_gives_a_fresh_shell(call: Caller) -> None:
    await call("bash", command="cd /tmp; OLD=1")
    result = await call("bash", restart=True)
    assert not result.is_error
    assert _text(await call("bash", command='pwd; echo "[$OLD]"')) == "/workspace\n[]\n"


async def test_binary_output_is_decoded_with_replacement(call: Caller) -> None:
    result = await call("bash", command=r"printf 'a\xff\0b'")
    assert _text(result) == "a\ufffd\ufffdb"


async def test_commands_get_no_input(call: Caller) -> None:
    assert _text(await call("bash", command="cat; echo end", timeout_ms=5000)) == "end\n"


async def test_the_same_call_runs_once(call: Caller) -> None:
    first = await call("bash", command="echo x >> log; wc -l < log", run="sevt_same")
    again = await call("bash", command="echo x >> log; wc -l < log", run="sevt_same")
    assert (_text(first), _text(again)) == ("1\n", "1\n")


async def test_long_output_goes_to_a_file(call: Caller) -> None:
    """Output above 100,000 characters is written to a file in the sandbox; the model sees a preview with its path."""
    result = await call("bash", command="seq 1 40000", run="sevt_long")
    text = _text(result)
    assert len(text) < 20_000
    assert "/tmp/tool-results/sevt_long.txt" in text
    assert "\n1\n2\n" in text
    assert text.endswith("\n40000\n")
    kept = await call("bash", command="seq 1 40000 | cmp - /tmp/tool-results/sevt_long.txt && echo same")
    assert _text(kept) == "same\n"


async def test_output_beyond_all_limits_says_what_is_missing(call: Caller) -> None:
    result = await call("bash", command="yes | head -c 9000000")
    assert "The command wrote 9.0 MB" in _text(result)
    assert not result.is_error


@pytest.mark.parametrize("given", [{}, {"command": "  "}, {"command": 5}, {"command": "true", "timeout_ms": -1}])
async def test_a_bad_call_is_explained(call: Caller, given: dict[str, object]) -> None:
    result = await call("bash", **given)
    assert result.is_error
    assert _text(result).startswith("bash: ")


async def test_a_caller_that_lost_the_session_stops(call: Caller) -> None:
    """That is not the model's doing, so it is no result."""
    await call("bash", command="true", fence=2)
    with pytest.raises(StaleRun):
        await call("bash", command="touch stale", fence=1)
    with pytest.raises(StaleRun):
        await call("write", file_path="stale", content="", fence=1)
    assert _text(await call("glob", pattern="stale", fence=2)) == "No files found"
