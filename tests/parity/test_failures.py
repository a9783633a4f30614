"""What a turn says when the model cannot answer (facts 9.7, 8.15)."""

import pytest

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, Conversation, Event, one, only, types

pytestmark = pytest.mark.documented

RETRY = ["session.error", "session.status_rescheduled", "session.thread_status_rescheduled"]
CUT = ["span.model_request_start", "span.model_request_end"]


def errors(events: list[Event]) -> list[tuple[str, str]]:
    """Type and retry status of each error."""
    found = [event["error"] for event in only(events, "session.error")]
    return [(error["type"], error["retry_status"]["type"]) for error in found]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status=529", "model_overloaded_error"),
        ("status=429", "model_rate_limited_error"),
        ("status=500", "model_request_failed_error"),
        ("midstream=overloaded_error,after=2", "model_overloaded_error"),
        ("cut=2", "model_request_failed_error"),
    ],
)
def test_one_failure_is_retried(converse: Converse, fault: str, kind: str) -> None:
    """facts 9.7: error `retrying`, rescheduled (session, thread), running again, and then the answer."""
    session = converse()
    events = session.turn(f"SCRIPT: {{{fault}}} text a b c d")
    retried = [*CUT, *RETRY, *RUNNING, *REQUEST]
    assert types(events) == [*RUNNING, "user.message", *retried, *IDLE]
    assert errors(events) == [(kind, "retrying")]
    first, second = only(events, "span.model_request_end")
    assert (first["is_error"], second["is_error"]) == (True, False)
    assert session.listed() == events


def test_status_while_it_backs_off(converse: Converse) -> None:
    """facts 7.6, 9.7: between two attempts the session is `rescheduling`."""
    session = converse()
    session.say("SCRIPT: {status=429,retry_after=2} text done")
    session.read_until("session.thread_status_rescheduled")
    assert session.status() == "rescheduling"
    session.read_until("session.status_idle")
    assert session.status() == "idle"


def test_interrupt_while_it_backs_off(converse: Converse) -> None:
    """facts 9.6, 9.7: an interrupt ends the wait for the next attempt."""
    session = converse()
    session.say("SCRIPT: {status=429,retry_after=60,times=0} text never")
    session.read_until("session.thread_status_rescheduled")
    session.send({"type": "user.interrupt"})
    events = session.read_until("session.status_idle")
    assert types(events) == ["user.interrupt", *IDLE]


def exhausted(session: Conversation, script: str, kind: str) -> list[Event]:
    events = session.turn(f"SCRIPT: {script}")
    assert errors(events)[-1] == (kind, "exhausted")
    for idle in ("session.thread_status_idle", "session.status_idle"):
        assert one(events, idle)["stop_reason"] == {"type": "retries_exhausted"}
    return events


def test_retries_run_out(converse: Converse) -> None:
    """facts 9.7: after the last attempt the error is `exhausted` and the turn ends with `retries_exhausted`."""
    session = converse()
    events = exhausted(session, "{status=529,times=0} text never", "model_overloaded_error")
    attempt = [*CUT, *RETRY, *RUNNING]
    assert types(events) == [*RUNNING, "user.message", *attempt, *attempt, *CUT, "session.error", *IDLE]


def test_a_new_message_begins_afresh(converse: Converse) -> None:
    """facts 9.7: the session waits for a new message and answers it."""
    session = converse()
    exhausted(session, "{status=529,times=0} text never", "model_overloaded_error")
    events = session.turn("SCRIPT: text better now")
    assert types(events) == [*RUNNING, "user.message", *REQUEST, *IDLE]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "model_request_failed_error"), (401, "model_request_failed_error"), (402, "billing_error")],
)
def test_what_no_retry_cures(converse: Converse, status: int, kind: str) -> None:
    """facts 9.7, 8.15: a permanent failure is `exhausted` at once."""
    events = exhausted(converse(), f"{{status={status},times=0}} text never", kind)
    assert types(events) == [*RUNNING, "user.message", *CUT, "session.error", *IDLE]


def test_unknown_model(converse: Converse) -> None:
    """facts 8.15: an agent on a model that nothing serves ends its turn with an error that names the model."""
    session = converse(model="no-such-model")
    events = session.turn("hello")
    assert errors(events) == [("model_request_failed_error", "exhausted")]
    assert "no-such-model" in one(events, "session.error")["error"]["message"]
    assert one(events, "session.status_idle")["stop_reason"] == {"type": "retries_exhausted"}


def test_refusal(converse: Converse) -> None:
    """facts 8.14: a refused turn stops with `refusal`."""
    events = converse().turn("SCRIPT: refusal I will not")
    assert one(events, "session.status_idle")["stop_reason"]["type"] == "refusal"


def test_a_model_that_fails_in_an_unforeseen_way(converse: Converse) -> None:
    """It ends the turn with an error, once, and the session goes on. The script is one that cannot be read."""
    session = converse()
    events = session.turn("SCRIPT: tool read {not json")
    assert one(events, "session.error")["error"]["type"] == "model_request_failed_error"
    assert events[-1]["stop_reason"] == {"type": "retries_exhausted"}
    assert session.turn("SCRIPT: text hello")[-1]["stop_reason"] == {"type": "end_turn"}
