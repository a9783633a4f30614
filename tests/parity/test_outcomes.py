"""Outcomes (facts 9.9, the page on outcomes): the agent works, a grader judges, the agent revises."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, TOOLSET, Conversation, Event, listening, message, one, only, types
from .invariants import broken
from .test_delegation import spawn, team
from .test_errors import refused

pytestmark = pytest.mark.documented

START, ONGOING, END = (f"span.outcome_evaluation_{which}" for which in ("start", "ongoing", "end"))
TOOL = ["span.model_request_start", "agent.tool_use", "span.model_request_end", "agent.tool_result"]
LOOKUP: Any = {"type": "custom", "name": "lookup", "description": "d", "input_schema": {"type": "object"}}
BETAS: Any = ["managed-agents-2026-04-01"]
INTERRUPT = {"type": "user.interrupt"}
NOTHING = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def verdict(result: str, explanation: str = "seen") -> str:
    return f'tool give_verdict {{"result":"{result}","explanation":"{explanation}"}}'


def outcome(work: str, *grading: str, **fields: Any) -> Event:
    """The agent's script stands in the description, which is the last that it is told, the grader's in the rubric."""
    rubric = {"type": "text", "content": f"Files are right. SCRIPT: {' | '.join(grading)}"}
    return {"type": "user.define_outcome", "description": f"Make it. SCRIPT: {work}", "rubric": rubric, **fields}


def shown(talk: Conversation) -> list[Event]:
    return [each.to_dict(mode="json") for each in talk.client.beta.sessions.retrieve(talk.id).outcome_evaluations or []]


def result(talk: Conversation) -> tuple[str, int, str | None]:
    """Of the newest outcome."""
    last = shown(talk)[-1]
    assert (last["completed_at"] is None) == (last["result"] in ("pending", "running", "evaluating"))
    return last["result"], last["iteration"], last["explanation"]


def stops(events: list[Event]) -> list[str]:
    return [event["stop_reason"]["type"] for event in only(events, "session.status_idle")]


def ended(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(each["result"], each["explanation"], each["iteration"]) for each in only(events, END)]


def test_satisfied_at_once(converse: Converse) -> None:
    """The echo says that it was processed, and has an id; the agent begins without a message."""
    talk = converse()
    assert shown(talk) == []
    (echo,) = talk.send(outcome("text done", verdict("satisfied", "all met")))
    assert echo["processed_at"] is not None
    assert echo["outcome_id"].startswith("outc_")
    assert (echo["max_iterations"], echo["rubric"]["type"]) == (3, "text")
    events = talk.read_until("session.status_idle")
    assert types(events) == ["user.define_outcome", *RUNNING, *REQUEST, START, END, *IDLE]
    assert stops(events) == ["end_turn"]
    assert events[0] == echo
    start, end = one(events, START), one(events, END)
    assert (start["outcome_id"], start["iteration"]) == (echo["outcome_id"], 0)
    assert (end["outcome_id"], end["outcome_evaluation_start_id"]) == (echo["outcome_id"], start["id"])
    assert ended(events) == [("satisfied", "all met", 0)]
    assert shown(talk) == [
        {
            "type": "outcome_evaluation", "outcome_id": echo["outcome_id"], "description": echo["description"],
            "iteration": 0, "result": "satisfied", "explanation": "all met", "completed_at": end["processed_at"],
        }
    ]  # fmt: skip
    assert talk.listed() == events


def test_the_graders_tokens_are_the_sessions(converse: Converse) -> None:
    """Its usage, over all its requests, stands at its end, and counts for the session (facts 7.4)."""
    talk = converse()
    talk.send(outcome("text done", 'tool glob {"pattern":"*"}', verdict("satisfied")))
    events = talk.read_until("session.status_idle")
    assert types(events) == ["user.define_outcome", *RUNNING, *REQUEST, START, ONGOING, END, *IDLE]
    graded, asked = one(events, END)["usage"], one(events, "span.model_request_end")["model_usage"]
    assert graded["input_tokens"] > 100
    assert graded["output_tokens"] >= 2
    usage = one(events, "session.usage")["usage"]
    for key in ("input_tokens", "output_tokens"):
        assert usage[key] == graded[key] + asked[key]


def test_revised_then_satisfied(converse: Converse) -> None:
    """The grader's feedback makes the agent go on in the same turn."""
    talk = converse(tools=[TOOLSET])
    work = "bash echo 1 > draft | text first | bash echo 2 > draft | text second"
    talk.send(outcome(work, verdict("needs_revision", "more, please"), verdict("satisfied", "now it is")))
    first = talk.read_until(END)
    assert types(first) == ["user.define_outcome", *RUNNING, *TOOL, *REQUEST, START, END]
    rest = talk.read_until("session.status_idle")
    assert types(rest) == [*TOOL, *REQUEST, START, END, *IDLE]
    assert ended(first + rest) == [("needs_revision", "more, please", 0), ("satisfied", "now it is", 1)]
    assert [each["iteration"] for each in only(first + rest, START)] == [0, 1]
    assert result(talk) == ("satisfied", 1, "now it is")
    assert broken(talk.listed()) == []


def test_out_of_iterations(converse: Converse) -> None:
    """One closing turn, and no evaluation of it."""
    talk = converse()
    no = verdict("needs_revision", "not yet")
    talk.send(outcome("text one | text two | text sorry | text never", no, no, no, max_iterations=2))
    events = talk.read_until("session.status_idle")
    assert types(events) == ["user.define_outcome", *RUNNING, *[*REQUEST, START, END] * 2, *REQUEST, *IDLE]
    assert ended(events) == [("needs_revision", "not yet", 0), ("max_iterations_reached", "not yet", 1)]
    assert [each["content"][0]["text"] for each in only(events, "agent.message")] == ["one", "two", "sorry"]
    assert result(talk) == ("max_iterations_reached", 1, "not yet")
    assert types(talk.turn("SCRIPT: text hello")) == [*RUNNING, "user.message", *REQUEST, *IDLE]


def test_failed(converse: Converse) -> None:
    talk = converse()
    talk.send(outcome("text done", verdict("failed", "they contradict each other")))
    events = talk.read_until("session.status_idle")
    assert types(events)[-5:] == [START, END, *IDLE]
    assert ended(events) == [("failed", "they contradict each other", 0)]
    assert result(talk) == ("failed", 0, "they contradict each other")


def test_a_grader_that_only_talks(converse: Converse) -> None:
    """It is reminded twice; then it has failed."""
    talk = converse()
    talk.send(outcome("text done", "text good", "text very good", "text well", verdict("satisfied", "too late")))
    events = talk.read_until("session.status_idle")
    assert ended(events) == [("failed", "The grader gave no verdict.", 0)]
    assert len(only(events, ONGOING)) == 2


def test_how_far_it_is(converse: Converse) -> None:
    """pending, running, evaluating; running again with the grader's last word while the agent revises."""
    talk = converse(tools=[LOOKUP])
    talk.say("SCRIPT: tool lookup {} | text thanks")
    use = one(talk.read_until("session.status_idle"), "agent.custom_tool_use")
    again = verdict("needs_revision", "again")
    talk.send(outcome("{ttft=0.5} text a | {ttft=0.5} text b", "{ttft=0.5} " + again, verdict("satisfied", "fine")))
    assert result(talk) == ("pending", 0, None)
    talk.send({"type": "user.custom_tool_result", "custom_tool_use_id": use["id"], "content": []})
    talk.read_until("user.define_outcome")
    assert result(talk) == ("running", 0, None)
    talk.read_until(START)
    assert result(talk) == ("evaluating", 0, None)
    talk.read_until(END)
    assert result(talk) == ("running", 1, "again")
    talk.read_until("session.status_idle")
    assert result(talk) == ("satisfied", 1, "fine")
    (listed,) = [each for each in talk.client.beta.sessions.list() if each.id == talk.id]
    assert [each.result for each in listed.outcome_evaluations or []] == ["satisfied"]


def test_interrupted_in_an_evaluation(converse: Converse) -> None:
    """The grader is cut; then there is room for another outcome."""
    talk = converse()
    talk.send(outcome("text done", "{ttft=30} " + verdict("satisfied")))
    start = one(talk.read_until(START), START)
    talk.send(INTERRUPT)
    events = talk.read_until("session.status_idle")
    assert types(events) == ["user.interrupt", END, *IDLE]
    assert stops(events) == ["end_turn"]
    end = one(events, END)
    assert (end["result"], end["iteration"], end["outcome_evaluation_start_id"]) == ("interrupted", 0, start["id"])
    assert result(talk)[:2] == ("interrupted", 0)
    talk.send(outcome("text other", verdict("satisfied", "the other")))
    assert ended(talk.read_until("session.status_idle")) == [("satisfied", "the other", 0)]
    assert [each["result"] for each in shown(talk)] == ["interrupted", "satisfied"]
    assert broken(talk.listed()) == []


def test_interrupted_at_work(converse: Converse) -> None:
    """No evaluation had begun: the id of its start is empty."""
    talk = converse()
    talk.send(outcome("{ttft=30} text late", verdict("satisfied")))
    talk.read_until("span.model_request_start")
    talk.send(INTERRUPT)
    events = talk.read_until("session.status_idle")
    assert types(events) == ["span.model_request_end", "user.interrupt", END, *IDLE]
    end = one(events, END)
    assert (end["result"], end["outcome_evaluation_start_id"]) == ("interrupted", "")
    assert {key: end["usage"][key] for key in NOTHING} == NOTHING
    assert result(talk)[0] == "interrupted"


def test_interrupted_in_the_second_round(converse: Converse) -> None:
    """At work after an evaluation that is over."""
    talk = converse()
    talk.send(outcome("text one | {ttft=30} text two", verdict("needs_revision", "no")))
    talk.read_until(END)
    talk.send(INTERRUPT)
    end = one(talk.read_until("session.status_idle"), END)
    assert (end["result"], end["outcome_evaluation_start_id"], end["iteration"]) == ("interrupted", "", 1)


@pytest.mark.ours_only
def test_interrupted_at_rest(converse: Converse) -> None:
    """The agent's model has failed for good; the outcome is open until somebody ends it, or goes on."""
    talk = converse()
    talk.send(outcome("{status=400,times=0} text never", verdict("satisfied")))
    assert stops(talk.read_until("session.status_idle")) == ["retries_exhausted"]
    assert result(talk) == ("running", 0, None)
    talk.send(INTERRUPT)
    assert types(talk.read_until(END)) == ["user.interrupt", END]
    assert result(talk)[0] == "interrupted"


@pytest.mark.ours_only
def test_work_goes_on_after_a_failure(converse: Converse) -> None:
    talk = converse()
    talk.send(outcome("{status=400,times=1} text never", verdict("satisfied", "in the end")))
    assert stops(talk.read_until("session.status_idle")) == ["retries_exhausted"]
    events = talk.turn("SCRIPT: text once more")
    assert types(events) == [*RUNNING, "user.message", *REQUEST, START, END, *IDLE]
    assert result(talk) == ("satisfied", 0, "in the end")


def test_initial_events(client: Anthropic, agent_id: str, environment_id: str) -> None:
    """facts 7.9: the session is made running; events are taken in their order."""
    made = client.beta.sessions.create(
        agent=agent_id,
        environment_id=environment_id,
        initial_events=[message("Mind the style."), outcome("{ttft=0.5} text done", verdict("satisfied"))],  # pyright: ignore
    )
    assert made.status == "running"
    assert [each.result for each in made.outcome_evaluations or []] == ["pending"]
    with listening(client, made.id) as talk:
        talk.read_until("session.status_idle")
        events = talk.listed()
    expected = [*RUNNING, "user.message", "user.define_outcome", *REQUEST, START, END, *IDLE]
    assert types(events) == expected
    assert one(events, "user.define_outcome")["outcome_id"].startswith("outc_")


def test_initial_outcome_alone(client: Anthropic, agent_id: str, environment_id: str) -> None:
    made = client.beta.sessions.create(
        agent=agent_id,
        environment_id=environment_id,
        initial_events=[outcome("{ttft=0.5} text done", verdict("satisfied"))],  # pyright: ignore
    )
    with listening(client, made.id) as talk:
        talk.read_until("session.status_idle")
        assert types(talk.listed())[0] == "user.define_outcome"
        assert result(talk)[0] == "satisfied"


def test_one_at_a_time(converse: Converse, http: httpx2.Client) -> None:
    """A new one is for after the last evaluation of the one before; the session keeps what was."""
    talk = converse()
    (first,) = talk.send(outcome("{ttft=1} text done", verdict("satisfied", "the first")))
    url = f"/v1/sessions/{talk.id}/events"
    told = refused(http.post(url, json={"events": [outcome("text no", verdict("satisfied"))]}))
    assert told.startswith("events.0: ")
    assert first["outcome_id"] in told
    told = refused(http.post(url, json={"events": [outcome("text no"), outcome("text no")]}))
    assert told == "events: must have at most one user.define_outcome event"
    talk.read_until("session.status_idle")
    talk.send(outcome("text again", verdict("satisfied", "the second")))
    talk.read_until("session.status_idle")
    assert [each["explanation"] for each in shown(talk)] == ["the first", "the second"]
    assert len(only(talk.listed(), "user.define_outcome")) == 2


def test_a_message_directs_the_work(converse: Converse) -> None:
    """While the grader is at work, it waits for the verdict."""
    talk = converse()
    no = verdict("needs_revision", "no")
    talk.send(outcome("text one | text two", "{ttft=0.5} " + no, verdict("satisfied")))
    talk.read_until(START)
    (sent,) = talk.send(message("Keep it short."))
    assert sent["processed_at"] is None
    events = talk.read_until("session.status_idle")
    assert types(events) == [END, "user.message", *REQUEST, START, END, *IDLE]
    assert result(talk)[:2] == ("satisfied", 1)


@pytest.mark.ours_only
def test_a_message_before_the_verdict_satisfied(converse: Converse) -> None:
    """It is answered before the session rests."""
    talk = converse()
    talk.send(outcome("text one", "{ttft=0.5} " + verdict("satisfied")))
    talk.read_until(START)
    talk.say("SCRIPT: text you are welcome")
    events = talk.read_until("session.status_idle")
    assert types(events) == [END, "user.message", *REQUEST, *IDLE]


def test_outputs_can_be_downloaded_while_they_are_graded(client: Anthropic, converse: Converse) -> None:
    """What is to be delivered is a file of the session before the grader looks at it."""
    talk = converse(tools=[TOOLSET])
    work = "bash echo fine > /mnt/session/outputs/report.md | text done"
    talk.send(outcome(work, "{ttft=1} " + verdict("satisfied")))
    talk.read_until(START)
    (file,) = client.beta.files.list(scope_id=talk.id, betas=BETAS).data
    assert (file.filename, client.beta.files.download(file.id).text()) == ("report.md", "fine\n")
    assert result(talk)[0] == "evaluating"
    assert ended(talk.read_until("session.status_idle")) == [("satisfied", "seen", 0)]


def test_a_grader_cannot_write(converse: Converse) -> None:
    """Whatever it asks for, there are only tools that read."""
    talk = converse(tools=[TOOLSET])
    wishes = (
        "bash touch /workspace/spoilt",
        'tool write {"file_path":"/workspace/spoilt","content":"x"}',
        'tool edit {"file_path":"/workspace/work","old_string":"fine","new_string":"spoilt"}',
        'tool web_fetch {"url":"https://example.com"}',
    )
    work = "bash echo fine > work | text done"
    talk.send(outcome(work, *wishes, 'tool read {"file_path":"work"}', verdict("satisfied")))
    events = talk.read_until("session.status_idle")
    assert types(events)[-10:] == [START, *[ONGOING] * 5, END, *IDLE]
    (seen,) = only(talk.turn("SCRIPT: bash ls; cat work | text ok"), "agent.tool_result")
    assert seen["content"][0]["text"].split() == ["work", "fine"]


@pytest.mark.ours_only
def test_a_grader_that_answers_otherwise(converse: Converse) -> None:
    """It is told what a verdict is, and asked again; nothing of it is in the session's events."""
    talk = converse()
    wrong = 'tool give_verdict {"result":"perfect"}'
    talk.send(outcome("text done", "text I like it", wrong, "think hm && text well", verdict("satisfied", "at last")))
    events = talk.read_until("session.status_idle")
    assert types(events)[-8:] == [START, *[ONGOING] * 3, END, *IDLE]
    assert ended(events) == [("satisfied", "at last", 0)]
    assert [each["content"][0]["text"] for each in only(events, "agent.message")] == ["done"]
    assert not only(events, "agent.thinking")


@pytest.mark.ours_only
def test_a_graders_model_fails_for_a_while(converse: Converse) -> None:
    """It is asked again like the agent's (facts 9.7), within the same evaluation."""
    talk = converse()
    talk.send(outcome("text done", "{status=529,times=1} " + verdict("satisfied", "after a while")))
    events = talk.read_until("session.status_idle")
    assert types(events)[6:] == [
        START, ONGOING, "session.error", "session.status_rescheduled", "session.thread_status_rescheduled",
        *RUNNING, END, *IDLE,
    ]  # fmt: skip
    assert ended(events) == [("satisfied", "after a while", 0)]


@pytest.mark.ours_only
def test_a_graders_model_fails_for_good(converse: Converse) -> None:
    """No evaluation stays open."""
    talk = converse()
    talk.send(outcome("text done", "{status=400,times=0} " + verdict("satisfied", "unheard")))
    events = talk.read_until("session.status_idle")
    assert types(events)[6:] == [START, ONGOING, "session.error", END, *IDLE]
    assert stops(events) == ["retries_exhausted"]
    ((kind, explanation, _),) = ended(events)
    assert (kind, "injected 400" in explanation) == ("failed", True)
    assert types(talk.turn("SCRIPT: text hello"))[-6:] == [*REQUEST, *IDLE]


@pytest.mark.ours_only
def test_a_refusal_is_not_graded(converse: Converse) -> None:
    talk = converse()
    talk.send(outcome("refusal no", verdict("satisfied")))
    events = talk.read_until("session.status_idle")
    assert stops(events) == ["refusal"]
    assert not only(events, START)
    assert result(talk)[0] == "running"


def test_the_budget_holds_for_the_grader(client: Anthropic, environment_id: str) -> None:
    """Before each of its requests (the page on budgets); the evaluation goes on when the budget is raised."""
    agent = client.beta.agents.create(name="spender", model="claude-opus-4-1")
    limit: Any = {"type": "limit", "max_list_cost": {"amount": "20", "currency": "USD"}}
    made = client.beta.sessions.create(agent=agent.id, environment_id=environment_id, budget=limit)
    with listening(client, made.id) as talk:
        long = outcome("text done", "text " + "word " * 6_000, verdict("satisfied", "in the end"))
        talk.send(long)
        events = talk.read_until("session.status_idle")
        assert types(events)[-5:] == [START, ONGOING, *IDLE]
        assert stops(events) == ["budget_reached"]
        assert result(talk)[0] == "evaluating"
        spent = int(one(events, "session.usage")["usage"]["list_cost"]["amount"])
        assert spent >= 20
        raised: Any = {"type": "limit", "max_list_cost": {"amount": str(spent + 500), "currency": "USD"}}
        client.beta.sessions.update(made.id, budget=raised)
        rest = talk.read_until("session.status_idle")
        assert types(rest) == ["session.updated", *RUNNING, END, *IDLE]
        assert ended(rest) == [("satisfied", "in the end", 0)]
        assert one(rest, END)["outcome_evaluation_start_id"] == one(events, START)["id"]
        usage, graded = one(rest, "session.usage")["usage"], one(rest, END)["usage"]
        asked = one(events, "span.model_request_end")["model_usage"]
        assert usage["input_tokens"] == graded["input_tokens"] + asked["input_tokens"]


def test_a_spent_session_takes_no_outcome(client: Anthropic, environment_id: str, http: httpx2.Client) -> None:
    """facts 7.13: only what settles work is accepted at the budget."""
    agent = client.beta.agents.create(name="spender", model="claude-opus-4-1")
    limit: Any = {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}
    made = client.beta.sessions.create(agent=agent.id, environment_id=environment_id, budget=limit)
    with listening(client, made.id) as talk:
        talk.turn("word " * 6_000 + "SCRIPT: text done")
        body = {"events": [outcome("text no", verdict("satisfied"))]}
        assert "user.define_outcome" in refused(http.post(f"/v1/sessions/{made.id}/events", json=body))
        assert shown(talk) == []


def test_spans_on_the_threads_stream(client: Anthropic, converse: Converse) -> None:
    """They are the primary thread's."""
    talk = converse()
    talk.send(outcome("text done", verdict("satisfied")))
    talk.read_until("session.status_idle")
    (thread,) = client.beta.sessions.threads.list(talk.id)
    found = [each.type for each in client.beta.sessions.threads.events.list(thread.id, session_id=talk.id)]
    assert found[-3:] == [START, END, "session.thread_status_idle"]
    only_ends = talk.listed(types=[END])
    assert types(only_ends) == [END]


@pytest.mark.ours_only
def test_delegated_work_is_graded_when_all_of_it_is_done(client: Anthropic, environment_id: str) -> None:
    """The coordinator ends its turn while another agent works on: the grader waits for both."""
    made = team(client, environment_id, helper=[TOOLSET])
    with listening(client, made) as talk:
        delegated = spawn("helper", "SCRIPT: {ttft=0.5} text half of it")
        talk.send(outcome(f"{delegated} | text wait for it | text all of it", verdict("satisfied")))
        events = talk.read_until("session.status_idle")
        said = [each["content"][0]["text"] for each in only(events, "agent.message")]
        assert said == ["wait for it", "all of it"]
        order = types(events)
        assert order.count(START) == 1
        assert order.index("agent.thread_message_received") < order.index(START)
        assert order[-5:] == [START, END, *IDLE]
        assert only(events, "agent.message")[-1]["processed_at"] < one(events, START)["processed_at"]
        assert order.count("session.status_running") == 1
