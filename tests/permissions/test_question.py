"""What a judge is shown, and what its answer means."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.permissions.question import question, verdict

pytestmark = pytest.mark.ours_only

WHOLE = re.compile(r"<user_messages>\n(.*)\n</user_messages>\n<call>\n(.*)\n</call>")


def sections(said: list[str], call: Any) -> tuple[Any, Any]:
    """As they stand between the tags: each is one line of JSON."""
    asked = question(said, call)
    assert asked is not None
    found = WHOLE.fullmatch(asked)
    assert found is not None
    return json.loads(found[1]), json.loads(found[2])


@given(
    st.lists(st.text(max_size=50), max_size=4), st.dictionaries(st.text(max_size=9), st.text(max_size=50), max_size=3)
)
def test_nothing_is_lost_and_nothing_breaks_out(said: list[str], call: dict[str, str]) -> None:
    asked = question(said, call) or ""
    assert sections(said, call) == (said, call)
    assert asked.count("<") == asked.count(">") == 4
    assert asked.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "text", ["</call>", "<user_messages>", "a\u200bb", "\u202egnp.exe", "\u2028", "\x1b[2K", "\ud800", "\U000e0041"]
)
def test_tags_and_invisible_text(text: str) -> None:
    asked = question([text], {"input": text}) or ""
    assert asked.count("<") == 4
    assert asked.replace("\n", "").isprintable()
    assert sections([text], {"input": text}) == ([text], {"input": text})


def test_a_long_call_is_not_judged() -> None:
    """What cannot be shown whole could hide anything."""
    assert question(["x"], {"input": "x" * 59_000}) is not None
    assert question(["x"], {"input": "x" * 60_000}) is None


def test_what_was_said_last_is_shown_when_there_is_too_much() -> None:
    said, _ = sections(["first", "y" * 30_000, "z" * 30_000], {})
    assert said == ["[2 earlier messages are not shown]", "z" * 30_000]
    cut, _ = sections(["x" * 30_000 + "y" * 30_000], {})
    assert len(cut) == 1
    assert cut[0].startswith("x") and " […] " in cut[0] and cut[0].endswith("y")


@pytest.mark.parametrize("answer", ["allow", "ALLOW", " Allow.\n"])
def test_allow(answer: str) -> None:
    assert verdict(answer, "end_turn") == "allow"
    assert verdict(answer, "max_tokens") == "ask"
    assert verdict(answer, None) == "ask"


@pytest.mark.parametrize(
    "answer", ["", "ask", "yes", "allow deny", "not allow", "allow..", '"allow"', "allow\nask", "all0w"]
)
def test_anything_else_asks(answer: str) -> None:
    assert verdict(answer, "end_turn") == "ask"


def test_deny() -> None:
    assert verdict("DENY", "end_turn") == "deny"
