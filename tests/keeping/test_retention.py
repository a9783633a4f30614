"""What is kept for as long as it is to be, and no longer: archived sessions with all their rows, sandboxes at rest."""

import time
from collections.abc import Callable
from pathlib import Path

import anthropic
import pytest
from crash.house import House, results

from keeping.rows import run_sql

_HOUR = 3_600_000_000


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_was_archived_long_ago(house: House, tmp_path: Path, url: str | None) -> None:
    def sql(statement: str, *values: object) -> list[tuple[int]]:
        return run_sql(tmp_path, url, statement, *values)

    with house.open():
        house.prepare()
        old, lately, idle, busy = [house.session() for _ in range(4)]
        for session in (old, lately, idle):
            house.say(session, "SCRIPT: text ok")
            house.until_rest(session)
        for session in (old, lately):
            house.client.beta.sessions.archive(session)
        # More than one transaction takes.
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)"
        rows = "SELECT ?, i, 'sevt_' || i, 'user.message', true, 0, '{}' FROM n"
        sql(f"{numbers} INSERT INTO events (session_id, seq, id, type, shown, processed_at, body) {rows}", old)
        sql("UPDATE sessions SET archived_at = archived_at - ? WHERE id = ?", 2 * _HOUR, old)
        sql("UPDATE sessions SET updated_at = 0, created_at = 0 WHERE id IN (?, ?)", idle, busy)
    house.sections["retention"] = {"archived_sessions": "1h"}
    with house.open():
        house.say(busy, "SCRIPT: bash sleep 1; echo done | text ok")
        until(lambda: sql("SELECT count(*) FROM sessions WHERE id = ?", old) == [(0,)])
        for table in ("events", "inbox", "threads"):
            assert sql(f"SELECT count(*) FROM {table} WHERE session_id = ?", old) == [(0,)]
        with pytest.raises(anthropic.NotFoundError):
            house.client.beta.sessions.retrieve(old)
        assert house.status(lately) == "terminated" and len(house.events(lately)) > 3
        assert house.status(idle) == "idle" and len(house.events(idle)) > 3
        assert results(house.until_rest(busy)) == ["done\n"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_sandbox_that_has_rested_too_long(house: House, tmp_path: Path) -> None:
    names = tmp_path / "data" / "sandboxes" / "names"
    house.sections["retention"] = {"sandboxes_idle": "3s"}
    with house.open():
        house.prepare()
        rested, busy = house.session(), house.session()
        house.say(rested, "SCRIPT: bash echo kept > file | text ok")
        house.until_rest(rested)
        house.say(busy, "SCRIPT: bash sleep 5; echo done | text ok")
        house.until(busy, lambda events: any(event["type"] == "agent.tool_use" for event in events))
        until(lambda: {path.name for path in names.iterdir()} == {busy})
        house.say(rested, "SCRIPT: bash cat file; echo new > file | bash cat file | text ok")
        first, second = results(house.until_rest(rested))[-2:]
        assert "No such file" in first and "This is a new computer" in first
        assert second == "new\n"
        assert results(house.until_rest(busy)) == ["done\n"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_an_age_that_is_none(house: House) -> None:
    house.sections["retention"] = {"archived_sessions": "a month"}
    with pytest.raises(RuntimeError, match=r"retention\.archived_sessions: .*30d"), house.open():
        pass
