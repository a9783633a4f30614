"""Lists and their cursors (facts 4)."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .test_errors import refused

Get = Any
SESSIONS = 7


@pytest.fixture(scope="module")
def crowd(client: Anthropic, environment_id: str) -> tuple[str, list[str]]:
    """An agent of its own, and its sessions, newest first."""
    agent = client.beta.agents.create(name="crowd", model="scripted")
    made = [client.beta.sessions.create(agent=agent.id, environment_id=environment_id).id for _ in range(SESSIONS)]
    return agent.id, made[::-1]


def pages(http: httpx2.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    """Every page of a list, forward."""
    while True:
        body = http.get(path, params=query).json()
        yield body
        if body["next_page"] is None:
            return
        query["page"] = body["next_page"]


def ids(body: dict[str, Any]) -> list[str]:
    return [item["id"] for item in body["data"]]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v1/agents", {"data", "next_page"}),
        ("/v1/environments", {"data", "next_page"}),
        ("/v1/sessions", {"data", "next_page", "prev_page"}),
    ],
)
def test_envelope(http: httpx2.Client, path: str, keys: set[str]) -> None:
    """facts 4.1, 4.2: data and cursor, no `has_more`; only sessions can be paged backward."""
    assert set(http.get(path).json()) == keys


@pytest.mark.documented
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
@pytest.mark.usefixtures("crowd")
def test_last_page(http: httpx2.Client, path: str) -> None:
    """facts 4.3: behind the last item, `next_page` is null; the size of the pages does not change what is listed."""
    small, large = ([each for body in pages(http, path, limit=limit) for each in ids(body)] for limit in (7, 100))
    assert small == large
    assert len(small) == len(set(small)) > 0


@pytest.mark.documented
def test_forward(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.2, 4.6: newest first by default; every item once."""
    agent, sessions = crowd
    found = list(pages(http, "/v1/sessions", agent_id=agent, limit=3))
    assert [ids(body) for body in found] == [sessions[:3], sessions[3:6], sessions[6:]]
    assert found[0]["prev_page"] is None
    assert found[2]["prev_page"] is not None


@pytest.mark.validated
def test_backward(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.2: `prev_page` goes back as `page`, and a backward page keeps the order of its items."""
    agent, sessions = crowd
    *_, last = pages(http, "/v1/sessions", agent_id=agent, limit=3)
    middle = http.get("/v1/sessions", params={"agent_id": agent, "limit": 3, "page": last["prev_page"]}).json()
    assert ids(middle) == sessions[3:6]
    first = http.get("/v1/sessions", params={"agent_id": agent, "limit": 3, "page": middle["prev_page"]}).json()
    assert (ids(first), first["prev_page"]) == (sessions[:3], None)
    again = http.get("/v1/sessions", params={"agent_id": agent, "limit": 3, "page": middle["next_page"]}).json()
    assert ids(again) == sessions[6:]


@pytest.mark.documented
def test_official_pager_both_ways(client: Anthropic, crowd: tuple[str, list[str]]) -> None:
    """facts 4.2: the SDK's page object steps forward and back."""
    agent, sessions = crowd
    page = client.beta.sessions.list(agent_id=agent, limit=4)
    following = page.get_next_page()
    assert [session.id for session in following.data] == sessions[4:]
    assert following.prev_page is not None
    assert [session.id for session in client.beta.sessions.list(agent_id=agent, limit=2)] == sessions


@pytest.mark.documented
def test_ascending(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.6: `order=asc` turns the list around, pages and all."""
    agent, sessions = crowd
    found = [ids(body) for body in pages(http, "/v1/sessions", agent_id=agent, limit=3, order="asc")]
    assert [each for page in found for each in page] == sessions[::-1]


@pytest.mark.validated
def test_cursor_is_bound_to_the_order(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.4, 2.9: another order with the same cursor is a 400 of this text."""
    page = http.get("/v1/sessions", params={"agent_id": crowd[0], "limit": 1}).json()["next_page"]
    message = refused(http.get("/v1/sessions", params={"page": page, "limit": 1, "order": "asc"}))
    assert message == "page token order does not match request"


@pytest.mark.documented
def test_limit_may_change(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.4: the limit and other filters may change from page to page."""
    agent, sessions = crowd
    page = http.get("/v1/sessions", params={"agent_id": agent, "limit": 1}).json()["next_page"]
    assert ids(http.get("/v1/sessions", params={"agent_id": agent, "page": page, "limit": 5}).json()) == sessions[1:6]


@pytest.mark.validated
@pytest.mark.parametrize("cursor", ["x", "page_", "page_x", "page_W10", "page_eyJhIjoxfQ", "%00", "page_" + "A" * 5000])
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
def test_bad_cursor(http: httpx2.Client, path: str, cursor: str) -> None:
    """facts 2.9: a cursor that is none is a 400 of this text."""
    assert refused(http.get(f"{path}?page={cursor}")) in (
        "invalid page cursor", "page: must not contain a null character",
    )  # fmt: skip


@pytest.mark.ours_only
def test_cursor_of_another_list(http: httpx2.Client, crowd: tuple[str, list[str]], agent_id: str) -> None:
    """A cursor of one list given to another is a 400, never a failure."""
    page = http.get("/v1/sessions", params={"agent_id": crowd[0], "limit": 1}).json()["next_page"]
    for path in (f"/v1/sessions/{crowd[1][0]}/events?order=desc&", f"/v1/agents/{agent_id}/versions?", "/v1/agents?"):
        assert refused(http.get(f"{path}page={page}")) == "invalid page cursor"


@pytest.mark.documented
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
@pytest.mark.parametrize("limit", ["0", "-1", "101", "x", "1.5"])
def test_limits(http: httpx2.Client, path: str, limit: str) -> None:
    """facts 4.5: 1 to 100."""
    assert "limit" in refused(http.get(f"{path}?limit={limit}"))
    assert http.get(f"{path}?limit=100").status_code == 200


@pytest.mark.documented
def test_default_limit(http: httpx2.Client) -> None:
    """facts 4.5: 20 agents a page."""
    for number in range(21):
        http.post("/v1/agents", json={"name": f"many {number}", "model": "scripted"}).raise_for_status()
    assert len(http.get("/v1/agents").json()["data"]) == 20


@pytest.mark.documented
def test_created_at(http: httpx2.Client, crowd: tuple[str, list[str]]) -> None:
    """facts 4.6: bounds on the time of creation; `gt` leaves its own moment out, `gte` does not."""
    agent, sessions = crowd
    at = http.get(f"/v1/sessions/{sessions[3]}").json()["created_at"]
    for bound, expected in (("gt", sessions[:3]), ("gte", sessions[:4]), ("lt", sessions[4:]), ("lte", sessions[3:])):
        body = http.get("/v1/sessions", params={"agent_id": agent, f"created_at[{bound}]": at}).json()
        assert ids(body) == expected, bound
