"""Many processes on one Postgres: whichever dies, sleeps or loses its words, every session goes on, once."""

import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anthropic
import pytest
from postgres import Cluster

from .fleet import Fleet, fresh_database
from .house import check_backoff, count, results

COUNTING = "SCRIPT: bash*3 echo x >> count; sleep 0.3; wc -l < count | text done"


@pytest.fixture
def fleet(postgres_url: str, tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, fresh_database(postgres_url, "fleet"))
    yield fleet
    fleet.close()


def test_what_one_process_does_is_seen_through_another(fleet: Fleet) -> None:
    """Created, sent and listened to at three different servers; run by a worker. Streams show it all, in order."""
    with fleet.up(servers=2, workers=1):
        fleet.prepare()
        session = fleet.session()
        heard: list[str] = []
        opened = threading.Event()

        def listen() -> None:
            stream = fleet.clients[1].beta.sessions.events.stream(session, event_deltas=["agent.message"])
            opened.set()
            for event in stream:
                heard.append(event.type if not hasattr(event, "processed_at") else event.id)
                if event.type == "session.status_idle":
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        opened.wait(10)
        fleet.say(session, "SCRIPT: {ttft=0.3,gap=0.05} text one two three four")
        events = fleet.until_rest(session)
        listener.join(10)
        assert [each for each in heard if each.startswith("sevt_")] == [event["id"] for event in events]
        assert "event_start" in heard and heard.count("event_delta") >= 2
        message = next(event["id"] for event in events if event["type"] == "agent.message")
        assert "event_delta" not in heard[heard.index(message) :], "previews come before their event"


def test_deleting_at_one_server_ends_the_streams_of_another(fleet: Fleet) -> None:
    with fleet.up(servers=2, workers=0):
        fleet.prepare()
        session = fleet.session()
        stream = fleet.clients[1].beta.sessions.events.stream(session)
        fleet.client.beta.sessions.delete(session)
        assert [event.type for event in stream] == ["session.deleted"]


def test_an_interrupt_reaches_a_tool_on_another_process_within_a_second(fleet: Fleet, rounds: int) -> None:
    with fleet.up(servers=1, workers=1):
        fleet.prepare()
        waits: list[float] = []
        for _ in range(5 if rounds < 10 else 40):
            session = fleet.session()
            fleet.say(session, "SCRIPT: bash sleep 60 | text never")
            fleet.until_type(session, "agent.tool_use")
            sent = time.monotonic()
            fleet.send(session, {"type": "user.interrupt"})
            fleet.until_type(session, "session.status_idle")
            waits.append(time.monotonic() - sent)
        # A busy machine may be slow now and then.
        part = len(waits) // 2 if rounds < 10 else len(waits) * 95 // 100
        assert max(waits) < 5.0 and sorted(waits)[part] < 1.0, waits


def test_a_dead_workers_sessions_are_taken_up_by_another(fleet: Fleet) -> None:
    with fleet.up(servers=1, workers=1):
        fleet.prepare()
        sessions = {name: fleet.session() for name in ("tool", "streaming", "backoff", "waiting")}
        fleet.say(sessions["tool"], "SCRIPT: bash echo x >> count; sleep 2; wc -l < count | bash wc -l < count")
        fleet.say(sessions["streaming"], "SCRIPT: {gap=0.3} text one two three four five six")
        fleet.say(sessions["backoff"], "SCRIPT: {status=529} text back again")
        fleet.say(sessions["waiting"], "SCRIPT: tool mine {} | text thanks")
        fleet.until_type(sessions["tool"], "agent.tool_use")
        fleet.until_type(sessions["streaming"], "span.model_request_start")
        before = fleet.until_type(sessions["backoff"], "session.status_rescheduled")
        fleet.until_type(sessions["waiting"], "session.status_idle")
        fleet.kill_worker(fleet.workers[0])
        fleet.add_worker()
        assert [text.strip() for text in results(fleet.until_rest(sessions["tool"]))] == ["1", "1"]
        streamed = fleet.until_rest(sessions["streaming"])
        assert [event["is_error"] for event in streamed if event["type"] == "span.model_request_end"] == [True, False]
        check_backoff(fleet.until_rest(sessions["backoff"]), before)
        call = next(event["id"] for event in fleet.events(sessions["waiting"]) if "custom_tool_use" in event["type"])
        answer = {"type": "user.custom_tool_result", "custom_tool_use_id": call, "content": []}
        fleet.send(sessions["waiting"], answer)
        fleet.until(sessions["waiting"], lambda events: count(events, "session.status_idle") == 2)


def test_a_worker_that_was_held_neither_appends_nor_acts(fleet: Fleet) -> None:
    """SIGSTOP for longer than its lease: another goes on; what wakes up late has no say and runs nothing."""
    with fleet.up(servers=1, workers=1):
        fleet.prepare()
        session = fleet.session()
        fleet.say(session, "SCRIPT: bash*6 echo x >> count; sleep 0.5; wc -l < count | text done")
        fleet.until_type(session, "agent.tool_result")
        held = fleet.workers[0]
        held.send_signal(signal.SIGSTOP)
        first = fleet.owner(session)
        fleet.add_worker()
        fleet.until(session, lambda _: fleet.owner(session) not in (first, None))
        held.send_signal(signal.SIGCONT)
        events = fleet.until_rest(session)
        assert [text.strip() for text in results(events)] == [str(number) for number in range(1, 7)]


def test_lost_wakes_are_found(fleet: Fleet) -> None:
    """The queue's tables emptied under load: it only carries wakes."""
    with fleet.up(servers=1, workers=0):
        fleet.prepare()
        sessions = [fleet.session() for _ in range(10)]
        for session in sessions:
            fleet.say(session, "SCRIPT: text done")
        fleet.query("TRUNCATE procrastinate_jobs CASCADE")
        fleet.add_worker()
        for session in sessions:
            fleet.query("TRUNCATE procrastinate_jobs CASCADE")
            assert count(fleet.until_rest(session), "agent.message") == 1


def test_a_database_that_is_killed_and_gone_for_ten_seconds(tmp_path: Path) -> None:
    """Requests fail meanwhile; what was accepted is done afterwards, once, and no process had to be started anew."""
    # Not pytest's own directory: the user Postgres runs as cannot enter it.
    with tempfile.TemporaryDirectory(prefix="journeyman-") as directory:
        cluster = Cluster(Path(directory))
        cluster.start()
        fleet = Fleet(tmp_path, cluster.url)
        try:
            with fleet.up(servers=1, workers=2):
                fleet.prepare()
                sessions = [fleet.session() for _ in range(6)]
                for session in sessions[:3]:
                    fleet.say(session, COUNTING.replace("0.3", "3"))
                for session in sessions[3:]:
                    fleet.say(session, "SCRIPT: {gap=0.5} text one two three four five six")
                fleet.until_type(sessions[0], "agent.tool_use")
                cluster.kill()
                with pytest.raises(anthropic.APIError):
                    fleet.say(sessions[0], "SCRIPT: text lost")
                time.sleep(10)  # what the fault is
                cluster.start()
                for session in sessions[:3]:
                    assert [text.strip() for text in results(fleet.until_rest(session))] == ["1", "2", "3"]
                for session in sessions[3:]:
                    assert count(fleet.until_rest(session), "agent.message") == 1
                assert all(worker.poll() is None for worker in fleet.workers)
        finally:
            fleet.close()
            cluster.kill()


def test_a_confirmation_after_every_process_was_replaced(fleet: Fleet) -> None:
    with fleet.up(servers=1, workers=1):
        fleet.prepare()
        toolset = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
        asking = fleet.client.beta.agents.create(name="asking", model="scripted", tools=[toolset]).id  # pyright: ignore
        session = fleet.client.beta.sessions.create(agent=asking, environment_id=fleet.environment).id
        fleet.say(session, "SCRIPT: bash echo allowed | text done")
        events = fleet.until_type(session, "session.status_idle")
        call = next(event["id"] for event in events if event["type"] == "agent.tool_use")
    with fleet.up(servers=1, workers=1):
        fleet.send(session, {"type": "user.tool_confirmation", "tool_use_id": call, "result": "allow"})
        events = fleet.until(session, lambda events: count(events, "session.status_idle") == 2)
        assert results(events) == ["allowed\n"]


def test_a_process_that_ends_in_order_hands_its_sessions_over(fleet: Fleet) -> None:
    """At once: nobody waits for a lease to end."""
    with fleet.up(servers=1, workers=2):
        fleet.prepare()
        sessions = [fleet.session() for _ in range(6)]
        for session in sessions:
            fleet.say(session, "SCRIPT: {gap=0.2} text one two three four five six seven eight")
        for session in sessions:
            fleet.until_type(session, "span.model_request_start")
        leaving = fleet.workers.pop(0)
        leaving.send_signal(signal.SIGTERM)
        assert leaving.wait(20) == 0
        for session in sessions:
            events = fleet.until_rest(session)
            assert count(events, "agent.message") == 1


def test_workers_killed_at_random(fleet: Fleet, rounds: int) -> None:
    """Nothing accepted is lost, and no call has its effect twice."""
    rng = random.Random(5)
    with fleet.up(servers=1, workers=3):
        fleet.prepare()
        sessions = [fleet.session() for _ in range(8 if rounds < 10 else 100)]
        for session in sessions:
            fleet.say(session, COUNTING)
        for _ in range(rounds):
            time.sleep(rng.uniform(0.3, 1.5))
            fleet.kill_worker(rng.choice(fleet.workers))
            fleet.add_worker()
        for session in sessions:
            assert [text.strip() for text in results(fleet.until_rest(session))] == ["1", "2", "3"]


def test_messages_that_arrive_as_the_session_goes_idle(fleet: Fleet, rounds: int) -> None:
    """At two servers that both run sessions, each message about when the last one's turn ends: all are answered."""
    rng = random.Random(7)
    with fleet.up(servers=2, workers=0, api_only=False):
        fleet.prepare()
        session = fleet.session()
        sent: list[str] = []
        for number in range(1_000 if rounds > 10 else 100):
            client = fleet.clients[number % 2]
            content = [{"type": "text", "text": "SCRIPT: text done"}]
            event = {"type": "user.message", "content": content}
            answer = client.beta.sessions.events.send(session, events=[event])  # pyright: ignore
            sent += [each.id for each in answer.data or []]
            time.sleep(rng.uniform(0, 0.03))  # about as long as a turn
        events = fleet.until_rest(session)
        assert [event["id"] for event in events if event["type"] == "user.message"] == sent
        assert count(events, "session.status_idle") > 10, "it went idle in between"


def test_a_host_that_is_gone_holds_up_only_what_needs_it(fleet: Fleet, tmp_path: Path) -> None:
    """A session whose sandbox was there goes on elsewhere, in a new sandbox; its log says that the files are lost."""
    away = Fleet(tmp_path / "away", fleet.database_url)
    away.directory.mkdir()
    with fleet.up(servers=1, workers=0), away.up(servers=0, workers=1):
        fleet.prepare()
        session, other = fleet.session(), fleet.session()
        fleet.say(session, "SCRIPT: bash echo here >file | text done")
        fleet.until_rest(session)
        away.kill_worker(away.workers[0])
        fleet.say(session, "SCRIPT: bash cat file || echo none | text done")
        fleet.say(other, "SCRIPT: text done")
        fleet.add_worker()
        assert count(fleet.until_rest(other), "agent.message") == 1
        events = fleet.until(session, lambda events: count(events, "session.status_idle") == 2)
        assert "none" in results(events)[-1] and "is gone, with all its files" in results(events)[-1]
    away.close()


def test_files_follow_their_session_to_another_host(fleet: Fleet, tmp_path: Path) -> None:
    """As they were kept last; what is newer is lost, and the log says so. A session that is deleted leaves nothing."""
    shared = tmp_path / "shared"
    fleet.sections["blobs"] = {"url": f"file://{shared}"}
    away = Fleet(tmp_path / "away", fleet.database_url, **fleet.sections)
    away.directory.mkdir()
    with fleet.up(servers=1, workers=0), away.up(servers=0, workers=1):
        fleet.prepare()
        session = fleet.session()
        make = "mkdir -p deep; head -c 20000000 /dev/urandom >deep/big; sha256sum deep/big"
        fleet.say(session, f"SCRIPT: bash {make}; echo mine >~/own; chmod 750 ~/own; ln -s own ~/link | text done")
        fleet.until_rest(session)
        kept = _until_kept(shared, session, [])
        fleet.say(session, "SCRIPT: bash sleep 3; echo newer >/workspace/newer; sleep 60 | text never")
        fleet.until(session, lambda events: count(events, "agent.tool_use") == 2)
        time.sleep(4)  # the newer file is there
        away.kill_worker(away.workers[0])
        fleet.send(session, {"type": "user.interrupt"})
        look = "sha256sum deep/big; cat ~/link; stat -c %a ~/own; ls /workspace"
        fleet.say(session, f"SCRIPT: bash {look} | text done")
        fleet.add_worker()
        events = fleet.until(session, lambda events: count(events, "agent.message") == 2)
        first, last = results(events)[0], results(events)[-1]
        assert last.startswith(first) and "mine\n750\ndeep\n" in last, last
        assert "newer" not in last and "is gone" in last and "later changes and all other files are lost" in last
        _until_kept(shared, session, kept)
        fleet.until_rest(session)
        fleet.client.beta.sessions.delete(session)
        _until(lambda: not list(shared.glob("workspaces/*/*")))
    away.close()


def _until_kept(shared: Path, session: str, before: list[str]) -> list[str]:
    """The keys of what is kept of a workspace, once they are others."""

    def kept() -> list[str]:
        return [path.name for path in shared.glob(f"workspaces/{session}/*")]

    _until(lambda: len(kept()) == 1 and kept() != before)
    return kept()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
