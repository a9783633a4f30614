"""Which URLs a conversation shows, and which one a call means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyman.tools.urls import Mention, match, mentions, normal, seen, urls_in


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://a.test/x.", ["https://a.test/x"]),
        ("(https://a.test/x), and more", ["https://a.test/x"]),
        ("[page](https://a.test/x?y=1#z) here", ["https://a.test/x?y=1#z"]),
        ("[https://a.test/x](https://b.test)", ["https://a.test/x", "https://b.test"]),
        ("https://en.test/Foo_(bar)", ["https://en.test/Foo_(bar)"]),
        ("**https://a.test/x**", ["https://a.test/x"]),
        ('<a href="https://a.test/x">', ["https://a.test/x"]),
        ("http://[2606:4700::1]/x", ["http://[2606:4700::1]/x"]),
        ("HTTPS://A.test", ["HTTPS://A.test"]),
        ("ftp://a.test https:// nothing", []),
    ],
)
def test_urls_are_found_without_the_punctuation_around_them(text: str, urls: list[str]) -> None:
    assert list(urls_in(text)) == urls


def test_a_person_may_leave_out_the_scheme() -> None:
    assert list(urls_in("look at example.com/docs, or mail me@example.org", bare=True)) == ["https://example.com/docs"]
    assert list(urls_in("look at example.com/docs")) == []


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    for url in urls_in(text, bare=True):
        assert url.lower().startswith("http")
        normal(url)


def _event(kind: str, text: str) -> dict[str, object]:
    return {"type": kind, "content": [{"type": "text", "text": text}]}


def test_only_some_events_are_sources() -> None:
    """URLs count from user messages, web and custom tools' results and other agents; not from bash or the agent."""
    url = "https://a.test/x"
    assert list(mentions(_event("user.message", url))) == [Mention(url, "user_input")]
    assert list(mentions(_event("user.custom_tool_result", url), "crm")) == [Mention(url, "client_tool_results", "crm")]
    assert list(mentions(_event("agent.tool_result", url), "web_fetch")) == [
        Mention(url, "server_tool_results", "web_fetch")
    ]
    assert list(mentions(_event("agent.thread_message_received", url))) == [Mention(url, "agent_message")]
    assert list(mentions(_event("agent.tool_result", url), "bash")) == []
    assert list(mentions(_event("agent.message", url))) == []
    assert list(mentions(_event("agent.mcp_tool_result", url), "fetch")) == []


def test_search_results_and_documents_show_their_urls() -> None:
    block = {
        "type": "search_result",
        "source": "https://a.test/1",
        "title": "T",
        "content": [{"type": "text", "text": "via https://a.test/2"}],
    }
    page = {"type": "document", "source": {"type": "text", "data": "[x](https://a.test/3)"}, "title": None}
    event = {"type": "agent.tool_result", "content": [block, page]}
    found = [m.url for m in mentions(event, "web_search")]
    assert sorted(found) == ["https://a.test/1", "https://a.test/2", "https://a.test/3"]


def test_url_sources_narrow_what_may_be_fetched() -> None:
    shown = [
        Mention("https://user.test", "user_input"),
        Mention("https://crm.test", "client_tool_results", "crm"),
        Mention("https://mail.test", "client_tool_results", "mail"),
        Mention("https://search.test", "server_tool_results", "web_search"),
        Mention("https://agent.test", "agent_message"),
    ]
    only = {"type": "only", "tools": [{"type": "tool_reference", "name": "crm"}]}
    rules = {"user_input": {"type": "none"}, "client_tool_results": only, "server_tool_results": None}
    assert seen(shown, rules) == {"https://crm.test", "https://search.test", "https://agent.test"}
    assert seen(shown, {"client_tool_results": {**only, "type": "except"}}) == {
        "https://user.test",
        "https://mail.test",
        "https://search.test",
        "https://agent.test",
    }
    assert len(seen(shown, None)) == 5


@pytest.mark.parametrize(
    "spelling",
    ["https://a.test/X?q=1", "https://A.TEST:443/X?q=1#part", " https://a.test/X?q=1"],
)
def test_the_same_request_is_the_same_url(spelling: str) -> None:
    found = match(spelling, {"https://a.test/X?q=1"})
    assert found is not None
    assert found.exact


@pytest.mark.parametrize(
    "spelling",
    ["http://a.test/X?q=1", "https://www.a.test/X/?q=1", "https://a.test/x?q=1&utm_source=y"],
)
def test_a_near_match_gives_the_shown_url(spelling: str) -> None:
    assert match(spelling, {"https://a.test/X?q=1"}) == ("https://a.test/X?q=1", False)


@pytest.mark.parametrize(
    "other",
    [
        "https://a.test/X?q=2",
        "https://a.test/X",
        "https://a.test/X/y?q=1",
        "https://b.test/X?q=1",
        "https://a.test:8/X?q=1",
    ],
)
def test_another_page_is_no_match(other: str) -> None:
    assert match(other, {"https://a.test/X?q=1"}) is None
