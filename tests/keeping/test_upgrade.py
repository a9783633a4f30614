"""The database of an earlier release, its server killed in the middle of everything: all goes on to its end."""

from pathlib import Path

import pytest
from crash.house import House, count, results

from keeping.earlier import make_database
from keeping.rows import run_sql


def test_sessions_in_flight(house: House, tmp_path: Path, url: str | None) -> None:
    (tmp_path / "data").mkdir()
    there = url.replace("postgresql:", "postgresql+psycopg:") if url else f"sqlite:///{tmp_path}/data/journeyman.db"
    sessions = make_database(there, "0001")
    assert run_sql(tmp_path, url, "SELECT version_num FROM alembic_version") == [("0001",)]
    with house.open():
        assert results(house.until_rest(sessions["tool call"])) == ["done\n", "second\n"]

        events = house.until_rest(sessions["model request"])
        ends = [event["is_error"] for event in events if event["type"] == "span.model_request_end"]
        assert ends == [True, False], "the request that was cut is closed, and asked again"

        events = house.until_rest(sessions["back-off"])
        assert count(events, "session.status_rescheduled") >= 1
        assert events[-1]["stop_reason"]["type"] == "end_turn"

        waiting = sessions["confirmation"]
        [call] = [event["id"] for event in house.events(waiting) if event["type"] == "agent.tool_use"]
        house.send(waiting, {"type": "user.tool_confirmation", "tool_use_id": call, "result": "allow"})
        assert results(house.until_rest(waiting)) == ["allowed\n"]

        waiting = sessions["custom tool"]
        [call] = [event["id"] for event in house.events(waiting) if event["type"] == "agent.custom_tool_use"]
        house.send(waiting, {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": []})
        assert house.until_rest(waiting)[-1]["stop_reason"]["type"] == "end_turn"

        for name in ("idle", "untouched"):
            before = results(house.events(sessions[name]))
            house.say(sessions[name], "SCRIPT: bash echo again | text ok")
            assert results(house.until_rest(sessions[name])) == [*before, "again\n"]
        assert house.status(sessions["archived"]) == "terminated"
        assert count(house.events(sessions["archived"]), "agent.message") == 1


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_database_of_a_later_version(house: House, tmp_path: Path) -> None:
    with house.open():
        pass
    run_sql(tmp_path, None, "UPDATE alembic_version SET version_num = '9999'")
    said = r"later version of Journeyman \(revision 9999\).*the backup from before"
    with pytest.raises(RuntimeError, match=said), house.open():
        pass
