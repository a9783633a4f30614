"""List and stream (facts 10)."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import IDLE, RUNNING, TOOLSET, Conversation, Event, listening, one, only, types
from .test_errors import refused

START, END = "span.model_request_start", "span.model_request_end"


def frames(response: httpx2.Response) -> Iterator[tuple[str, Event]]:
    """Event name and data of each frame; comments are skipped, and anything else is a failure."""
    lines = [line for line in response.iter_lines() if not line.startswith(":")]
    for frame in filter(None, "\n".join(lines).split("\n\n")):
        name, data = frame.strip("\n").split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.mark.documented
@pytest.mark.parametrize("path", ["events/stream", "stream"])
def test_frames(converse: Converse, http: httpx2.Client, path: str) -> None:
    """facts 10.1, 10.3: an `event:` line equal to the type, one `data:` line; also at the older path."""
    session = converse()
    with http.stream("GET", f"/v1/sessions/{session.id}/{path}") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["request-id"].startswith("req_")
        session.turn("SCRIPT: text hello")
        session.client.beta.sessions.archive(session.id)
        seen = list(frames(response))
    assert [name for name, _ in seen] == [data["type"] for _, data in seen]
    assert [data for _, data in seen] == session.streamed


@pytest.mark.documented
def test_stream_equals_list(converse: Converse) -> None:
    """facts 8.18, 10.2: at idle, the list has all that was streamed, in the same order."""
    session = converse(tools=[TOOLSET])
    session.turn("SCRIPT: think hm && say first && bash echo hi | text done")
    assert session.listed() == session.streamed


@pytest.mark.documented
def test_live_tail_without_history(converse: Converse, client: Anthropic) -> None:
    """facts 10.2: a stream that is opened later shows only what comes then."""
    session = converse()
    first = session.turn("SCRIPT: text one")
    with listening(client, session.id) as later:
        second = later.turn("SCRIPT: text two")
    assert types(second) == types(first)
    assert not {event["id"] for event in first} & {event["id"] for event in second}


@pytest.mark.documented
def test_last_event_id_is_not_honoured(converse: Converse, http: httpx2.Client) -> None:
    """facts 10.2: nothing is replayed."""
    session = converse()
    first = session.turn("SCRIPT: text one")
    headers = {"last-event-id": first[0]["id"]}
    with http.stream("GET", f"/v1/sessions/{session.id}/events/stream", headers=headers) as response:
        second = session.turn("SCRIPT: text two")
        session.client.beta.sessions.archive(session.id)
        assert [data for _, data in frames(response)] == second


@pytest.mark.documented
def test_all_listeners_hear_the_same(converse: Converse, client: Anthropic) -> None:
    """facts 10.2: streams do not take events from one another."""
    session = converse()
    with listening(client, session.id) as other:
        mine = session.turn("SCRIPT: text hello")
        assert other.read_until("session.status_idle") == mine


@pytest.mark.documented
def test_ends_with_the_session(converse: Converse) -> None:
    """facts 10.5: archive ends the stream, and idle does not."""
    session = converse()
    session.turn("SCRIPT: text one")
    session.turn("SCRIPT: text two")
    session.client.beta.sessions.archive(session.id)
    assert "session.deleted" not in types(session.read_rest())


@pytest.mark.documented
def test_deleted(converse: Converse) -> None:
    """facts 10.5: delete says so on the stream, and ends it."""
    session = converse()
    session.turn("SCRIPT: text one")
    session.client.beta.sessions.delete(session.id)
    assert types(session.read_rest()) == ["session.deleted"]


@pytest.mark.ours_only
def test_stream_of_an_archived_session(converse: Converse, http: httpx2.Client) -> None:
    """A stream of a session that is over opens, and ends at once."""
    session = converse()
    session.client.beta.sessions.archive(session.id)
    assert http.get(f"/v1/sessions/{session.id}/events/stream").status_code == 200


@pytest.mark.documented
def test_previews(converse: Converse) -> None:
    """facts 10.6: span start, event_start, deltas, the final message with the same id, span end."""
    session = converse(previews=["agent.message"])
    events = session.turn("SCRIPT: text one two three")
    assert types(events) == [
        *RUNNING, "user.message", START, "event_start", *["event_delta"] * 3, "agent.message", END, *IDLE,
    ]  # fmt: skip
    final, start = one(events, "agent.message"), one(events, "event_start")
    assert start == {"type": "event_start", "event": {"type": "agent.message", "id": final["id"]}}
    deltas = only(events, "event_delta")
    assert {delta["event_id"] for delta in deltas} == {final["id"]}
    assert {(delta["delta"]["type"], delta["delta"]["index"]) for delta in deltas} == {("content_delta", 0)}
    assert "".join(delta["delta"]["content"]["text"] for delta in deltas) == final["content"][0]["text"]


@pytest.mark.documented
def test_previews_are_never_listed(converse: Converse) -> None:
    """facts 10.6: they have no id or time, and the list is without them."""
    session = converse(previews=["agent.message"])
    previews = [event for event in session.turn("SCRIPT: text one two") if event["type"].startswith("event_")]
    assert not [event for event in previews if "id" in event or "processed_at" in event]
    assert not [event for event in session.listed() if event["type"].startswith("event_")]


@pytest.mark.documented
def test_previews_of_thinking(converse: Converse) -> None:
    """facts 10.6: thinking is announced and has no deltas."""
    session = converse(previews=["agent.thinking"])
    events = session.turn("SCRIPT: think one two && text done")
    start = one(events, "event_start")
    assert start["event"] == {"type": "agent.thinking", "id": one(events, "agent.thinking")["id"]}
    assert "event_delta" not in types(events)


@pytest.mark.documented
def test_previews_are_opt_in(converse: Converse, client: Anthropic) -> None:
    """facts 10.6: who did not ask sees none, whoever else listens."""
    session = converse(previews=["agent.message", "agent.thinking"])
    with listening(client, session.id) as plain:
        session.turn("SCRIPT: think hm && text one two")
        assert not [kind for kind in types(plain.read_until("session.status_idle")) if kind.startswith("event_")]


@pytest.mark.documented
def test_a_request_that_fails_has_no_final_event(converse: Converse) -> None:
    """facts 10.6: the span's end closes what was previewed."""
    session = converse(previews=["agent.message"])
    events = session.turn("SCRIPT: {cut=2} text one two three")
    assert types(events)[3:8] == [START, "event_start", "event_delta", "event_delta", END]
    first, second = only(events, "event_start")
    assert first["event"]["id"] != second["event"]["id"] == one(events, "agent.message")["id"]


@pytest.mark.documented
@pytest.mark.parametrize(
    "query", ["event_deltas[]=agent.tool_use", "event_deltas[]=x", "&".join(["event_deltas[]=agent.message"] * 101)]
)
def test_bad_previews(converse: Converse, http: httpx2.Client, query: str) -> None:
    """facts 10.6: other values, or more than 100, are a 400."""
    assert "event_deltas" in refused(http.get(f"/v1/sessions/{converse().id}/events/stream?{query}"))


@pytest.mark.documented
def test_list_filters(converse: Converse, http: httpx2.Client) -> None:
    """facts 4.5: by type, by time (of processing), in both orders."""
    session = converse()
    events = session.turn("SCRIPT: text done")
    path = f"/v1/sessions/{session.id}/events"

    def listed(**query: Any) -> list[str]:
        return [event["id"] for event in http.get(path, params=query).json()["data"]]

    ids = [event["id"] for event in events]
    assert listed(order="desc") == ids[::-1]
    wanted = ["user.message", "agent.message"]
    assert listed(**{"types[]": wanted}) == [event["id"] for event in events if event["type"] in wanted]
    at = events[4]["processed_at"]
    assert listed(**{"created_at[gt]": at}) == ids[5:]
    assert listed(**{"created_at[lte]": at}) == ids[:5]
    refused(http.get(f"{path}?types[]=agent.thoughts"))


@pytest.mark.documented
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_list_pages(converse: Converse, http: httpx2.Client, order: str) -> None:
    """facts 4.5: pages of the event list, in both orders."""
    session = converse()
    ids = [event["id"] for event in session.turn("SCRIPT: text done")]
    query: dict[str, Any] = {"limit": 4, "order": order}
    pages: list[list[str]] = []
    while not pages or query["page"] is not None:
        body = http.get(f"/v1/sessions/{session.id}/events", params=query).json()
        pages.append([event["id"] for event in body["data"]])
        query["page"] = body["next_page"]
    assert [len(page) for page in pages] == [4, 4, 1]
    assert [each for page in pages for each in page] == (ids if order == "asc" else ids[::-1])


@pytest.mark.validated
def test_queued_events_list_last(converse: Converse) -> None:
    """facts 8.3: what is not processed yet has no time and stands at the end."""
    session = converse(tools=[TOOLSET])
    session.say("SCRIPT: bash sleep 1 | text done")
    session.read_until("agent.tool_use")
    queued = session.say("later")
    last = session.listed()[-1]
    assert (last["id"], last["processed_at"]) == (queued["id"], None)
    session.read_until("session.status_idle")
    assert session.listed()[-1]["type"] == "session.status_idle"


@pytest.mark.documented
def test_a_slow_session_holds_up_no_other(converse: Converse) -> None:
    """facts 10.2: sessions run side by side."""
    slow, *quick = [converse() for _ in range(5)]
    slow.say("SCRIPT: {ttft=30} text slow")
    slow.read_until(START)
    for session in quick:
        session.say("SCRIPT: text quick")
    for session in quick:
        assert one(session.read_until("session.status_idle"), "agent.message")["content"][0]["text"] == "quick"
    assert slow.status() == "running"
    slow.send({"type": "user.interrupt"})
    slow.read_until("session.status_idle")


@pytest.mark.documented
def test_many_at_once(client: Anthropic, agent_id: str, environment_id: str) -> None:
    """facts 9.1: many sessions of one agent, each with its own whole turn."""
    with ExitStack() as stack:
        sessions: list[Conversation] = []
        for _ in range(12):
            made = client.beta.sessions.create(agent=agent_id, environment_id=environment_id)
            sessions.append(stack.enter_context(listening(client, made.id)))
        for number, session in enumerate(sessions):
            session.say(f"SCRIPT: {{gap=0.01}} text answer {number}")
        for number, session in enumerate(sessions):
            events = session.read_until("session.status_idle")
            assert one(events, "agent.message")["content"][0]["text"] == f"answer {number}"
            assert session.listed() == events
