"""The same attacks where the server is run by an ordinary user, with and without subordinate ids."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adversary.case import Case
from adversary.cases import CASES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
USER = 54_322
NAME = "adversary"
FIRST, SIZE = 2_000_000, 65_536
# In a mount namespace of its own the host has an interpreter that the user can read, though it lie in another's home: the
# directory ($1) is empty there but for the interpreter ($2), which waits at $3 meanwhile.
READABLE = (
    'if [ -n "$1" ]; then mount --bind "$2" "$3"; mount -t tmpfs -o mode=755 adversary "$1"; mkdir -p "$2"; '
    'mount --bind "$3" "$2"; umount "$3"; fi; shift 3; exec "$@"'
)
# And a user with subordinate ids.
AS_KNOWN_USER = (
    'for name in passwd group subuid subgid; do mount --bind "$1/$name" "/etc/$name"; done; shift; exec "$@"'
)

Outcomes = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Callable[[str], Outcomes]]:
    """What became of each attack, tried once for each kind of user."""
    # Not below tmp_path, which another user cannot enter.
    place = Path(tempfile.mkdtemp(prefix="adversary-"))
    place.chmod(0o711)
    yield cache(lambda who: _try_all(place, who))
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("who", "case"),
    [
        pytest.param(
            who,
            case,
            id=f"{who}-{case.name}",
            marks=[pytest.mark.xfail(strict=True, reason=case.defect(who))] if case.defect(who) else [],
        )
        for who in ("user", "plain")
        for case in CASES
        if who in case.users
    ],
)
def test_attack(outcomes: Callable[[str], Outcomes], who: str, case: Case) -> None:
    found = outcomes(who).get(case.name)
    assert found is not None, "the attack was not tried"
    if found["outcome"] == "skipped":
        pytest.skip(found["message"])
    assert found["outcome"] == "passed", found["message"]


@pytest.mark.parametrize("who", ["user", "plain"])
def test_nothing_is_left(outcomes: Callable[[str], Outcomes], who: str) -> None:
    assert outcomes(who)["left"]["outcome"] == "passed", outcomes(who)["left"]


def _try_all(place: Path, who: str) -> Outcomes:
    data_dir = place / who
    data_dir.mkdir()
    os.chown(data_dir, USER, USER)
    program = [sys.executable, str(Path(__file__).with_name("as_user.py")), str(USER), who, str(data_dir)]
    if who == "user":
        _accounts(place)
        program = ["sh", "-ec", AS_KNOWN_USER, "sh", str(place), *program]
    interpreter = sys.base_prefix
    waiting = place / "interpreter"
    waiting.mkdir(exist_ok=True)
    program = [
        *("unshare", "--mount", "--propagation", "private", "--"),
        *("sh", "-ec", READABLE, "sh", _closed(Path(interpreter)), interpreter, str(waiting)),
        *program,
    ]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    # The user must not leave compiled files.
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(program, stdout=subprocess.PIPE, cwd="/", env=environment, timeout=600, check=False)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0, lines[-1:]
    return {line["name"]: line for line in lines}


def _closed(path: Path) -> str:
    """The uppermost directory on the way to a path that others cannot enter, or nothing."""
    return next((str(each) for each in reversed(path.parents) if not each.stat().st_mode & stat.S_IXOTH), "")


def _accounts(place: Path) -> None:
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    (place / "passwd").write_text(f"{passwd}{NAME}:x:{USER}:{USER}::/nonexistent:/bin/sh\n")
    (place / "group").write_text(f"{group}{NAME}:x:{USER}:\n")
    for name in ("subuid", "subgid"):
        (place / name).write_text(f"{NAME}:{FIRST}:{SIZE}\n")
