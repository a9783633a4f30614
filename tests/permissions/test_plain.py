"""What is taken for plain means to bash what it means here: compared with what bash itself makes of it."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from journeyman.permissions.commands import parse

PIECES = [*"ab x\n\t;|&#'\"\\$`(){}<>=!*?[]-,.:2/", " ", " ", "&&", "||", "2>&1", ">/dev/null", "a ", "b ", "\na "]
EXAMPLES = 300
STAND_IN = """
a() { printf '%s\\0' a "$@" $'\\1' >&9; }
b() { printf '%s\\0' b "$@" $'\\1' >&9; }
PATH=
set -f
eval "$1"
"""


def ran(script: str, directory: Path) -> Counter[tuple[str, ...]]:
    """The calls of `a` and `b` that bash makes."""
    calls = directory / "calls"
    calls.write_bytes(b"")
    with calls.open("ab") as out:
        subprocess.run(
            ["/bin/bash", "-c", f"exec 9>&{out.fileno()}\n{STAND_IN}", "bash", script],
            cwd=directory / "empty", pass_fds=[out.fileno()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10, check=False,
        )  # fmt: skip
    found = calls.read_bytes().decode().split("\1\0")
    return Counter(tuple(call.split("\0")[:-1]) for call in found if call)


@pytest.mark.ours_only
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(lambda pieces: "a " + "".join(pieces)))
def test_bash_reads_it_alike(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty").mkdir(exist_ok=True)
    script = parse(text)
    assume(script.plain)
    commands = [command for line in script.pipelines for command in line]
    assume(all(command.name in ("a", "b") for command in commands))
    redirects = [(each.operator[-2:], each.target.text) for command in commands for each in command.redirects]
    assume(all(to in (("1", "2") if by == ">&" else ("/dev/null",)) for by, to in redirects))
    ours = Counter(tuple(word.text for word in command.words) for command in commands)
    theirs = ran(text, tmp_path)
    assert not theirs - ours, "bash runs nothing else"
    assert "||" in text or theirs == ours
