"""Logs, metrics and traces of a real server, and of a worker beside it."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from anthropic import Anthropic
from crash.fleet import Fleet, fresh_database
from parity.conversation import TOOLSET, Conversation, listening
from server import RunningServer, start_server

from .conftest import Collector

TOKEN = "who-reads-metrics"
SCRIPT = "SCRIPT: bash echo secret-word-in-a-result | {status=529} text secret-word-in-an-answer"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[RunningServer]:
    """One that says all it can; a turn with a tool and a failure is over."""
    with start_server(
        tmp_path_factory.mktemp("told"),
        log={"format": "json", "level": "info", "requests": True},
        metrics={"enabled": True, "token": TOKEN},
        traces={"endpoint": collector.url},
    ) as server:
        with Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client:
            run_turn(client)
        yield server


def run_turn(client: Anthropic) -> str:
    agent = client.beta.agents.create(name="told", model="scripted", tools=[TOOLSET])  # pyright: ignore[reportArgumentType]
    environment = client.beta.environments.create(name="told")
    session = client.beta.sessions.create(agent=agent.id, environment_id=environment.id).id
    with listening(client, session) as stream:
        content = [{"type": "text", "text": SCRIPT}]
        client.beta.sessions.events.send(
            session,
            events=[{"type": "user.message", "content": content}],  # pyright: ignore[reportArgumentType]
            extra_headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
        )
        stream.read(_over)
    return session


def _over(event: dict[str, Any]) -> bool:
    return event["type"] == "session.status_idle"


def metrics(url: str, token: str | None = TOKEN) -> dict[str, float]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    with urlopen(Request(url, headers=headers), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_each_line_of_the_log_is_an_object_with_ids(server: RunningServer) -> None:
    lines = [json.loads(line) for line in (server.data_dir.parent / "server.log").read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    sent = next(line for line in requests if line["method"] == "POST" and line["path"].endswith("/events"))
    assert sent["status"] == 200 and sent["request_id"].startswith("req_") and sent["workspace_id"] == "default"
    assert sent["level"] == "info" and sent["logger"] == "journeyman.requests" and sent["timestamp"].endswith("Z")
    [unpriced] = [line for line in lines if "no list price" in line["event"]]
    assert unpriced["session_id"].startswith("sesn_") and unpriced["request_id"] == sent["request_id"]
    assert "secret-word" not in json.dumps(lines) and server.api_key not in json.dumps(lines)


def test_metrics_count_what_was_done(server: RunningServer) -> None:
    for wrong in (None, "wrong"):
        with pytest.raises(HTTPError, match="401"):
            metrics(f"{server.url}/metrics", wrong)
    found = metrics(f"{server.url}/metrics")

    def value(name: str, **labels: str) -> float:
        inside = ",".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
        [(_, number)] = [
            (each, number)
            for each, number in found.items()
            if each.split("{")[0] == f"journeyman_{name}"
            and sorted(re.findall(r'\w+="[^"]*"', each)) == (inside.split(",") if inside else [])
        ]
        return number

    route = "/v1/sessions/{session_id}/events"
    assert value("http_requests_total", method="POST", route=route, status="200") == 1
    assert value("model_requests_total", model="scripted", outcome="ok") == 2
    assert value("model_requests_total", model="scripted", outcome="overloaded") == 1
    assert value("model_tokens_total", model="scripted", kind="output") > 0
    assert value("tool_runs_total", tool="bash", outcome="ok") == 1
    assert value("turns_total", stop_reason="end_turn") == 1
    assert value("events_total") >= 12 and value("commit_seconds_count") >= 4
    assert value("slots_used", kind="model_requests") == 0 == value("slots_waiting", kind="tool_runs")


def test_a_turn_is_a_trace(server: RunningServer, collector: Collector) -> None:
    """invoke_agent with the chats and tools beneath it, linked to the request that caused it."""
    until(lambda: any(span.name.startswith("invoke_agent") for span in collector.spans))
    spans = {span.name: span for span in collector.spans}
    turn, tool = spans["invoke_agent told"], spans["execute_tool bash"]
    chats = [span for span in collector.spans if span.name == "chat scripted"]
    assert len(chats) == 3 and len([chat for chat in chats if chat.status.code == 2]) == 1
    assert {each.parent_span_id for each in [tool, *chats]} == {turn.span_id} and turn.parent_span_id == b""
    assert {each.trace_id for each in [tool, *chats]} == {turn.trace_id}
    [link] = turn.links
    assert (link.trace_id.hex(), link.span_id.hex()) == (TRACE, PARENT)
    attributes = {each.key: each.value for each in turn.attributes}
    assert attributes["gen_ai.operation.name"].string_value == "invoke_agent"
    assert attributes["gen_ai.conversation.id"].string_value.startswith("sesn_")
    assert turn.start_time_unix_nano <= min(chat.start_time_unix_nano for chat in chats)
    assert turn.end_time_unix_nano >= max(chat.end_time_unix_nano for chat in chats)
    assert "secret-word" not in "".join(str(span) for span in collector.spans)


def test_a_worker_tells_too(postgres_url: str, tmp_path: Path, collector: Collector) -> None:
    """Its metrics have an address of their own; the link to the request has passed through the database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sections = {"metrics": {"enabled": True, "port": port}, "traces": {"endpoint": collector.url}}
    fleet = Fleet(tmp_path, fresh_database(postgres_url, "told"), **sections)
    collector.spans.clear()
    with fleet.up(servers=1, workers=1):
        session = run_turn(fleet.client)
        until(lambda: any(span.name.startswith("invoke_agent") for span in collector.spans))
        turns = [span for span in collector.spans if span.name.startswith("invoke_agent")]
        assert [link.trace_id.hex() for link in turns[0].links] == [TRACE]
        served = metrics(f"{fleet.servers[0].url}/metrics", None)
        assert 'journeyman_turns_total{stop_reason="end_turn"}' not in served
        worked = metrics(f"http://127.0.0.1:{port}/metrics", None)
        assert worked['journeyman_turns_total{stop_reason="end_turn"}'] == 1
        assert Conversation(fleet.client, session, iter(())).status() == "idle"
    fleet.close()
