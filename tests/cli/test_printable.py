import pytest

from journeyman.cli.flow import Flow
from journeyman.cli.printable import abridged, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("over\rwrite", "over\\rwrite"),
        ("dos\r\nline", "dos\nline"),
        ("rm \u202e/ fr-", "rm \\u202e/ fr-"),
        ("\x9b2J", "\\x9b2J"),
        ("héllo 👩‍💻", "héllo 👩‍💻"),
    ],
)
def test_nothing_reaches_the_terminal_that_could_deceive(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_keeps_both_ends() -> None:
    text = "".join(f"{number}\n" for number in range(20))
    assert abridged(text, 2, 1) == "0\n1\n… 17 more lines …\n19"
    assert abridged("one\ntwo\nthree\nfour", 2, 1) == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_text_breaks_between_words_however_it_arrives(size: int) -> None:
    text = "alpha beta gamma\n\n  code here\nepsilon"
    flow = Flow(12)
    shown = "".join(flow.add(text[start : start + size]) for start in range(0, len(text), size)) + flow.end()
    assert shown == "alpha beta \ngamma\n\n  code here\nepsilon\n"


def test_without_a_width_nothing_is_broken() -> None:
    flow = Flow(0)
    assert flow.add("a long line of words ") + flow.add("and more") + flow.end() == "a long line of words and more\n"
