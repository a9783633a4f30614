"""kill -9 where it hurts: the session goes on by itself, on the same log, and nothing happens twice."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .fleet import Fleet, fresh_database
from .house import House, check_backoff, count, results


@pytest.fixture(params=["sqlite", "postgres", "fleet"])
def house(request: pytest.FixtureRequest, tmp_path: Path, rounds: int) -> Iterator[House]:
    """One server on either database, or two servers and two workers that all die at once."""
    if request.param == "sqlite":
        house = House(tmp_path)
    elif request.param == "fleet" and rounds < 10 and "every_named_point" not in request.node.name:
        pytest.skip("with --soak")
    else:
        url = fresh_database(request.getfixturevalue("postgres_url"), "crash")
        house = Fleet(tmp_path, url) if request.param == "fleet" else House(tmp_path, url)
    yield house
    house.close()


def test_killed_at_every_named_point(house: House) -> None:
    """One server, one session for each point, one death, one restart."""
    with house.open():
        house.prepare()
        names = ("streaming", "tool", "waiting", "backoff", "idle", "sent")
        session = {name: house.session() for name in names}
        for each in session.values():
            house.listen(each)
        house.say(session["idle"], "SCRIPT: text all done")
        house.until_type(session["idle"], "session.status_idle")
        house.say(session["waiting"], "SCRIPT: tool mine {} | text thanks")
        waiting = house.until_type(session["waiting"], "session.status_idle")
        house.say(
            session["tool"], "SCRIPT: bash echo x >> count; sleep 2; wc -l < count | bash wc -l < count | text ok"
        )
        house.until_type(session["tool"], "agent.tool_use")
        time.sleep(0.7)
        house.say(session["streaming"], "SCRIPT: {gap=0.6} text one two three four five six")
        house.until_type(session["streaming"], "span.model_request_start")
        house.say(session["backoff"], "SCRIPT: {status=529} text back again")
        before = house.until_type(session["backoff"], "session.status_rescheduled")
        time.sleep(0.3)
        sent = house.say(session["sent"], "SCRIPT: text received")
        house.kill()
    with house.open():
        idle = house.until_rest(session["idle"])
        assert count(idle, "session.status_idle") == 1
        received = house.until_rest(session["sent"])
        assert [event["id"] for event in received if event["type"] == "user.message"] == [sent]
        streamed = house.until_rest(session["streaming"])
        said = [event["content"][0]["text"] for event in streamed if event["type"] == "agent.message"]
        assert said == ["one two three four five six"]
        assert [event["is_error"] for event in streamed if event["type"] == "span.model_request_end"] == [True, False]
        check_backoff(house.until_rest(session["backoff"]), before)
        assert [text.strip() for text in results(house.until_rest(session["tool"]))] == ["1", "1"]
        again = house.until_rest(session["waiting"])
        assert [event["id"] for event in again] == [event["id"] for event in waiting], "waiting costs nothing"
        call = next(event["id"] for event in again if event["type"] == "agent.custom_tool_use")
        house.send(session["waiting"], {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": []})
        house.until(session["waiting"], lambda events: count(events, "session.status_idle") == 2)
        for each in session.values():
            listed = [event["id"] for event in house.until_rest(each)]
            assert set(house.heard[each]) <= set(listed), "what a stream showed was committed"


def test_a_client_that_lists_after_it_listens_misses_nothing(house: House) -> None:
    """facts 10.2: open the stream, then list, then de-duplicate by id; over a death too."""
    with house.open():
        house.prepare()
        session = house.session()
        house.listen(session)
        house.say(session, "SCRIPT: {gap=0.05} text a b c d e f g h | text never")
        house.until_type(session, "span.model_request_start")
        listed = [event["id"] for event in house.events(session)]
        house.kill()
    with house.open():
        house.listen(session)
        listed += [event["id"] for event in house.events(session) if event["processed_at"] is not None]
        final = [event["id"] for event in house.until_rest(session)]
        deadline = time.monotonic() + 10
        while not set(final) <= set(listed) | set(house.heard[session]) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert set(listed) | set(house.heard[session]) == set(final)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_killed_again_and_again_while_it_recovers(house: House) -> None:
    with house.open():
        house.prepare()
        session = house.session()
        house.say(session, "SCRIPT: bash*4 echo x >> count; sleep 0.3; wc -l < count | text done")
        house.until_type(session, "agent.tool_use")
        house.kill()
    for pause in (0.0, 0.2, 0.5):
        with house.open():
            time.sleep(pause)
            house.kill()
    with house.open():
        events = house.until_rest(session)
        assert [text.strip() for text in results(events)] == ["1", "2", "3", "4"]


def test_stopped_in_good_order_while_a_command_runs(house: House) -> None:
    """SIGTERM is no worse than a death: the command goes on, its shell is the same, the next server has its result."""
    with house.open():
        house.prepare()
        session = house.session()
        house.say(
            session,
            "SCRIPT: bash cd /tmp; export A=7; echo begin > /workspace/log; sleep 3; echo end >> /workspace/log "
            "| bash cat /workspace/log; pwd; echo $A | text ok",
        )
        house.until_type(session, "agent.tool_use")
        time.sleep(1.0)
    with house.open():
        events = house.until_rest(session)
        assert results(events) == ["(no output)", "begin\nend\n/tmp\n7\n"]
        assert count(events, "session.status_running") == 1
