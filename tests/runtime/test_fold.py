"""Folding: total over every row that a log can hold, and details of what a conversation becomes."""

from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journeyman.runtime.decide import decide
from journeyman.runtime.folding import apply, fold
from journeyman.runtime.session import said
from journeyman.runtime.thread import MAX_CUTS, Thread
from journeyman.store.port import Row

from .rows import Log, text
from .surroundings import agent
from .validity import check_history

IDS = st.sampled_from([f"sevt_{number}" for number in range(1, 9)] + ["sevt_unknown"])
STRINGS = st.text(max_size=8)
BLOCK = st.one_of(
    st.builds(text, STRINGS),
    st.just({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
    st.just({"type": "image", "source": {"type": "url", "url": "https://a.b"}}),
    st.just({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": None}),
    st.just({"type": "document", "source": {"type": "url", "url": "https://a.b"}, "title": "t", "context": None}),
    st.just({"type": "search_result", "source": "s", "title": "t", "content": [text("c")], "citations": {}}),
)
BLOCKS = st.lists(BLOCK, max_size=3)
TOKENS = st.fixed_dictionaries(
    {
        key: st.integers(0, 10**6)
        for key in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    }
)
STOP = st.one_of(
    st.sampled_from([{"type": "end_turn"}, {"type": "retries_exhausted"}, {"type": "refusal"}]),
    st.builds(lambda ids: {"type": "requires_action", "event_ids": ids}, st.lists(IDS, max_size=2)),
)
ANSWERED = st.builds(
    lambda content, stop: {"content": content, "outcome": {"stop_reason": stop}},
    st.lists(st.one_of(st.builds(text, STRINGS), st.just({"type": "thinking", "thinking": "", "signature": ""}))),
    st.sampled_from(["end_turn", "max_tokens", "refusal", "tool_use", "pause_turn", None]),
)
PRIVATE = st.one_of(st.none(), st.just({}), st.just({"nano": None}), st.just({"too_long": True}), ANSWERED)
CALL = {"name": STRINGS, "input": st.dictionaries(STRINGS, st.integers(), max_size=2)}


def event(type_: str, private: st.SearchStrategy[Any] | None = None, **fields: Any) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(type_), st.fixed_dictionaries(fields), st.none() if private is None else private)


EVENTS = st.one_of(
    event("session.status_running"),
    event("session.status_rescheduled"),
    event("session.status_idle", stop_reason=STOP),
    event("session.thread_status_running", agent_name=STRINGS),
    event("session.thread_status_idle", stop_reason=STOP),
    event(
        "session.thread_status_rescheduled",
        st.fixed_dictionaries({"attempt": st.integers(1, 9), "due_at": st.integers(0, 2**60)}),
    ),
    event("session.updated", title=STRINGS),
    event("session.updated", agent=st.just(agent(name="other"))),
    event("session.usage", usage=st.just({}), budget=st.none()),
    event("session.error", error=st.just({"type": "unknown_error"})),
    event("user.message", content=BLOCKS),
    event("user.interrupt", session_thread_id=st.none()),
    event("user.tool_confirmation", tool_use_id=IDS, result=st.sampled_from(["allow", "deny"]), deny_message=st.none()),
    event("user.custom_tool_result", custom_tool_use_id=IDS, content=BLOCKS, is_error=st.booleans()),
    event("user.custom_tool_result", custom_tool_use_id=IDS),
    event("system.message", content=st.lists(st.builds(text, STRINGS), max_size=2)),
    event("agent.message", content=BLOCKS),
    event("agent.thinking"),
    event("agent.tool_use", evaluated_permission=st.sampled_from(["allow", "ask", "deny"]), **CALL),
    event("agent.custom_tool_use", **CALL),
    event("agent.tool_result", st.sampled_from([None, {"web_searches": 2}]), tool_use_id=IDS, content=BLOCKS),
    event("agent.tool_result", tool_use_id=IDS, content=BLOCKS, is_error=st.booleans()),
    event("span.model_request_start"),
    event("span.model_request_end", PRIVATE, model_usage=TOKENS, is_error=st.booleans()),
    event("agent.thread_context_compacted", st.builds(lambda blocks: {"summary": blocks}, BLOCKS)),
    event("something.from_the_future", anything=STRINGS),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=25), st.integers(0, 2**60))
def test_every_log_can_be_folded_and_decided_on(events: list[Any], now: int) -> None:
    log = Log()
    rows: list[Row] = [log.row(type_, private=private, **fields) for type_, fields, private in events]
    state = fold(agent(), "sthr_1", rows)
    assert decide(state, [], now, compact_at=lambda _: 1_000) == decide(state, [], now, compact_at=lambda _: 1_000)
    assert asdict(fold(agent(), "sthr_1", rows)) == asdict(state)
    assert state.head == len(rows)


def test_a_message_while_calls_are_open_follows_their_results() -> None:
    log = Log()
    rows = [log.message("go")]
    rows.append(log.row("agent.custom_tool_use", row_id="call", name="mine", input={}))
    rows.append(log.answer({"type": "tool_use", "id": "call", "name": "mine", "input": {}}, stop="tool_use"))
    rows.append(log.message("wait"))
    state = fold(agent(), "sthr_1", rows)
    assert [call.id for call in state.primary.waiting] == ["call"]
    row = log.row("user.custom_tool_result", custom_tool_use_id="call", content=[text("done")], is_error=False)
    apply(state, row)
    kinds = [block["type"] for block in state.primary.history[-1]["content"]]
    assert kinds == ["tool_result", "text"]
    assert state.primary.pending
    check_history(state.primary.history)


def test_of_two_results_the_first_counts() -> None:
    log = Log()
    rows = [log.message("go"), log.row("agent.custom_tool_use", row_id="call", name="mine", input={})]
    rows.append(log.answer({"type": "tool_use", "id": "call", "name": "mine", "input": {}}, stop="tool_use"))
    for each in ("first", "second"):
        rows.append(log.row("user.custom_tool_result", custom_tool_use_id="call", content=[text(each)]))
    history = fold(agent(), "sthr_1", rows).primary.history
    assert [block["content"] for block in history[-1]["content"]] == [[text("first")]]


def test_an_answer_cut_at_its_length_goes_on_a_few_times() -> None:
    log = Log()
    rows = [log.message("go")]
    pending: list[bool] = []
    for _ in range(MAX_CUTS + 2):
        rows.append(log.answer(text("and"), stop="max_tokens"))
        pending.append(fold(agent(), "sthr_1", rows).primary.pending)
    assert pending == [True] * MAX_CUTS + [False, False]


def test_thinking_that_nothing_follows_is_not_sent_back() -> None:
    log = Log()
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    call = {"type": "tool_use", "id": "call", "name": "mine", "input": {}}
    rows = [log.message("go"), log.answer(thinking, stop="max_tokens")]
    assert [message["role"] for message in fold(agent(), "sthr_1", rows).primary.history] == ["user"]
    rows = [log.message("go"), log.row("agent.custom_tool_use", row_id="call", name="mine", input={})]
    rows.append(log.answer(thinking, text("\n\n"), call, stop="tool_use"))
    kept = fold(agent(), "sthr_1", rows).primary.history[-1]["content"]
    assert kept == [thinking, call], "before a call it stays, and what is blank goes"


def test_a_compaction_begins_the_conversation_anew() -> None:
    log = Log()
    rows = [log.message("go"), log.answer(text("a")), log.message("more")]
    rows.append(log.row("agent.thread_context_compacted", private={"summary": [text("so far")]}))
    thread = fold(agent(), "sthr_1", rows).primary
    assert thread.history == [{"role": "user", "content": [text("so far")]}]
    assert (thread.pending, thread.compactions) == (True, 1)


def test_running_time_adds_up_over_pauses() -> None:
    log = Log()
    types = ["session.status_running", "user.message", "session.status_rescheduled", "session.status_running"]
    rows = [log.row(type_, content=[]) for type_ in types]
    rows.append(log.row("session.status_idle", stop_reason={"type": "end_turn"}))
    state = fold(agent(), "sthr_1", rows)
    assert (state.active_us, state.running_since) == ((3 - 1) + (5 - 4), None)


def test_judging_counts_with_the_request_whose_calls_were_judged() -> None:
    """In usage and cost, and not in what the conversation weighs."""
    log = Log()
    ended = log.answer(text("a"), input_tokens=10, output_tokens=5)
    judged = {"usage": {**ended.body["model_usage"], "input_tokens": 100, "output_tokens": 2}, "nano": 7}
    assert ended.private is not None
    ended.private.update(nano=3, judged=[judged, judged])
    thread = fold(agent(), "sthr_1", [log.message("q"), ended]).primary
    assert (thread.usage.input_tokens, thread.usage.output_tokens, thread.usage.nano) == (210, 9, 17)
    assert thread.usage.requests == 3
    assert thread.context_tokens == 15


def test_only_the_users_messages_are_said() -> None:
    """facts 5.7: not what the operator says or tools return; what was said to the session counts in every thread."""
    log = Log()
    image = {"type": "image", "source": {"type": "url", "url": "https://a.b"}}
    rows = [
        log.row("user.message", content=[text("one"), image, text("two")]),
        log.row("system.message", content=[text("operator")]),
        log.row("agent.custom_tool_use", name="mine", input={}, row_id="sevt_call"),
        log.row("user.custom_tool_result", custom_tool_use_id="sevt_call", content=[text("result")], is_error=False),
        log.row("agent.thread_message_received", content=[text("an agent")]),
        log.message("three"),
    ]
    state = fold(agent(), "sthr_1", rows)
    assert said(state, state.primary) == ["one\ntwo", "three"]
    child = Thread("sthr_2", agent())
    child.shown = [(rows[4].body, ""), (log.message("four").body, "")]
    assert said(state, child) == ["one\ntwo", "three", "four"]
