"""The real server: sandboxes go with their sessions, rest, and are replaced when they have reached their age."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from crash.house import House, results


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def names(directory: Path) -> set[str]:
    return {path.name for path in (directory / "data" / "sandboxes" / "names").iterdir()}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_server_that_died_between_the_row_and_the_removal(house: House, tmp_path: Path) -> None:
    with house.open():
        house.prepare()
        kept, archived, deleted = [house.session() for _ in range(3)]
        for session in (kept, archived, deleted):
            house.say(session, "SCRIPT: bash cd /tmp; export A=7 | text ok")
            house.until_rest(session)
        house.kill()
    with closing(sqlite3.connect(tmp_path / "data" / "journeyman.db")) as database, database:
        database.execute("UPDATE sessions SET status = 'terminated', archived_at = 1 WHERE id = ?", (archived,))
        for table in ("events", "inbox", "threads"):
            database.execute(f"DELETE FROM {table} WHERE session_id = ?", (deleted,))
        database.execute("DELETE FROM sessions WHERE id = ?", (deleted,))
    assert names(tmp_path) == {kept, archived, deleted}
    with house.open():
        until(lambda: names(tmp_path) == {kept})
        until(lambda: len(list((tmp_path / "data" / "sandboxes" / "rt").iterdir())) == 1)
        house.say(kept, "SCRIPT: bash pwd; echo $A | text ok")
        assert results(house.until_rest(kept))[-1] == "/tmp\n7\n"


def test_a_sandbox_that_has_reached_its_age(house: House, tmp_path: Path) -> None:
    with house.open():
        house.prepare()
        old, young = house.session(), house.session()
        for session in (old, young):
            house.say(session, "SCRIPT: bash echo kept > file | text ok")
            house.until_rest(session)
    name = tmp_path / "data" / "sandboxes" / "names" / old
    os.utime(name, (time.time() - 31 * 86_400,) * 2, follow_symlinks=False)
    with house.open():
        until(lambda: names(tmp_path) == {young})
        house.say(old, "SCRIPT: bash cat file | bash pwd | text ok")
        first, second = results(house.until_rest(old))[-2:]
        assert "No such file" in first and "This is a new computer" in first
        assert second == "/workspace\n"
        house.say(young, "SCRIPT: bash cat file | text ok")
        assert results(house.until_rest(young))[-1] == "kept\n"


def test_a_session_that_works_keeps_its_sandbox(house: House, tmp_path: Path) -> None:
    house.sections["sandbox"] = {"expire_days": 1.5 / 86_400}
    with house.open():
        house.prepare()
        session = house.session()
        house.say(session, "SCRIPT: bash cd /tmp; sleep 3; echo done > here | bash cat here | text ok")
        assert results(house.until_rest(session)) == ["(no output)", "done\n"]


def test_a_sandbox_at_rest_resumes(house: House, tmp_path: Path) -> None:
    house.sections["sandbox"] = {"idle_stop_seconds": 0.3}
    with house.open():
        house.prepare()
        session = house.session()
        house.say(session, "SCRIPT: bash cd /tmp; export A=7; f() { echo $A $1; } | text ok")
        house.until_rest(session)
        until(lambda: not list((tmp_path / "data" / "sandboxes" / "rt").iterdir()))
        house.say(session, "SCRIPT: bash pwd; f x | text ok")
        assert results(house.until_rest(session))[-1] == "/tmp\n7 x\n"
