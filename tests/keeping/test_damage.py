"""A session whose log cannot be read harms itself alone, says so, and goes on once its log is mended."""

from pathlib import Path

import psutil
from crash.house import House, count, results

from keeping.rows import run_sql


def test_rows_that_cannot_be_folded(house: House, tmp_path: Path, url: str | None) -> None:
    with house.open() as server:
        house.prepare()
        well, rested, working = [house.session() for _ in range(3)]
        for session in (well, rested):
            house.say(session, "SCRIPT: text ok")
            house.until_rest(session)
        house.say(working, "SCRIPT: bash sleep 30 | text ok")
        house.until(working, lambda events: bool(events) and events[-1]["type"] == "span.model_request_end")
        server.kill()
    kept = run_sql(tmp_path, url, "SELECT id, private FROM events WHERE session_id = ?", rested)
    for session, broken in ((rested, '{"broken'), (working, '{"no": "such"}')):
        statement = "UPDATE events SET private = ? WHERE session_id = ? AND private IS NOT NULL"
        run_sql(tmp_path, url, statement, broken, session)
    # A whole JSON object, which the fold does not understand.
    statement = "UPDATE events SET body = replace(body, ?, ?) WHERE session_id = ? AND type = 'agent.tool_use'"
    run_sql(tmp_path, url, statement, '"input"', '"inputs"', working)

    with house.open() as server:
        house.say(rested, "SCRIPT: text more")
        for session in (rested, working):
            events = house.until(session, lambda events: bool(events) and _gave_up(events[-1]))
            [error] = [event["error"] for event in events if event["type"] == "session.error"]
            assert "its log cannot be read: " in error["message"] and error["retry_status"]["type"] == "exhausted"
            assert count(events, "user.message") == (2 if session == rested else 1)
            assert house.status(session) == "idle"
        before = _busy(server)
        house.say(well, "SCRIPT: bash sleep 3; echo well | text ok")
        assert results(house.until_rest(well))[-1] == "well\n"
        assert _busy(server) - before < 1.5

        for event_id, private in kept:
            run_sql(tmp_path, url, "UPDATE events SET private = ? WHERE id = ?", private, event_id)
        house.say(rested, "SCRIPT: bash echo mended | text ok")
        assert results(house.until_rest(rested)) == ["mended\n"]
        house.client.beta.sessions.archive(working)
        house.client.beta.sessions.delete(working)


def _busy(house: House) -> float:
    """Seconds of processor time."""
    times = psutil.Process(house.pid).cpu_times()
    return times.user + times.system


def _gave_up(event: dict[str, object]) -> bool:
    stop = event.get("stop_reason")
    return isinstance(stop, dict) and stop.get("type") == "retries_exhausted"
