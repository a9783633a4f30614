"""Sessions: made, changed, archived and deleted (facts 7)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import IDLE, REQUEST, RUNNING, listening, message, one, only, types
from .test_errors import refused
from .test_gates import answered

UNKNOWN = "sesn_011CZkZAtmR3yMPDzynEDxu7"
EMPTY_USAGE = {
    "input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0, "cache_creation": None, "active_seconds": 0,
    "list_cost": {"amount": "0", "currency": "USD"},
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
}  # fmt: skip
SNAPSHOT = {
    "id",
    "type",
    "version",
    "name",
    "description",
    "system",
    "model",
    "tools",
    "mcp_servers",
    "skills",
    "multiagent",
}


@pytest.fixture
def make(http: httpx2.Client, agent_id: str, environment_id: str) -> Any:
    """Makes a session from these fields and gives the response."""

    def create(**fields: Any) -> httpx2.Response:
        return http.post("/v1/sessions", json={"agent": agent_id, "environment_id": environment_id, **fields})

    return create


@pytest.mark.validated
def test_shape(make: Any, http: httpx2.Client, environment_id: str) -> None:
    """facts 7.1, 7.3: the keys of a new session, its empty stats and usage."""
    session = make(title="first", metadata={"a": "b"}).json()
    assert session.pop("id") != session.pop("agent")["id"]
    assert session.pop("created_at") == session.pop("updated_at")
    assert session == {
        "type": "session", "title": "first", "status": "idle", "environment_id": environment_id, "vault_ids": [],
        "resources": [], "metadata": {"a": "b"}, "outcome_evaluations": [], "budget": None, "deployment_id": None,
        "stats": {"active_seconds": 0.0, "duration_seconds": 0.0}, "usage": EMPTY_USAGE, "archived_at": None,
    }  # fmt: skip


@pytest.mark.validated
def test_agent_snapshot(make: Any, http: httpx2.Client, agent_id: str) -> None:
    """facts 7.2: the whole agent, without metadata and times."""
    snapshot = make().json()["agent"]
    agent = http.get(f"/v1/agents/{agent_id}").json()
    assert set(snapshot) - {"execution_identity"} == SNAPSHOT
    assert snapshot == {key: agent[key] for key in snapshot}


@pytest.mark.documented
def test_snapshot_stays(make: Any, http: httpx2.Client) -> None:
    """facts 7.2, 7.16: what becomes of the agent later does not change the session."""
    agent = http.post("/v1/agents", json={"name": "a", "model": "scripted", "system": "old"}).json()
    session = make(agent=agent["id"]).json()
    http.post(f"/v1/agents/{agent['id']}", json={"system": "new"}).raise_for_status()
    http.post(f"/v1/agents/{agent['id']}/archive").raise_for_status()
    assert http.get(f"/v1/sessions/{session['id']}").json()["agent"] == session["agent"]


@pytest.mark.documented
def test_three_forms_of_agent(make: Any, http: httpx2.Client) -> None:
    """facts 7.11: a bare id is the latest version; a reference can pin one."""
    agent = http.post("/v1/agents", json={"name": "a", "model": "scripted", "system": "one"}).json()["id"]
    http.post(f"/v1/agents/{agent}", json={"system": "two"}).raise_for_status()
    forms: list[tuple[Any, int, str]] = [
        (agent, 2, "two"),
        ({"type": "agent", "id": agent}, 2, "two"),
        ({"type": "agent", "id": agent, "version": 1}, 1, "one"),
        ({"type": "agent_with_overrides", "id": agent, "version": 1}, 1, "one"),
    ]
    for form, version, system in forms:
        snapshot = make(agent=form).json()["agent"]
        assert (snapshot["id"], snapshot["version"], snapshot["system"]) == (agent, version, system)


@pytest.mark.documented
def test_overrides(make: Any, agent_id: str) -> None:
    """facts 7.11: each key that is given replaces; id and version stay the agent's; a model is needed."""
    toolset = {"type": "agent_toolset_20260401"}
    override = {"type": "agent_with_overrides", "id": agent_id, "model": "demo", "system": "s", "tools": [toolset]}
    snapshot = make(agent=override).json()["agent"]
    assert (snapshot["id"], snapshot["version"], snapshot["type"]) == (agent_id, 1, "agent")
    assert (snapshot["model"]["id"], snapshot["system"]) == ("demo", "s")
    assert snapshot["tools"][0]["type"] == toolset["type"]
    response = make(agent={"type": "agent_with_overrides", "id": agent_id, "model": None})
    refused(response)
    assert response.json()["error"]["details"] == {"error_code": "agent_model_required"}


@pytest.mark.validated
def test_unknown_agents(make: Any, agent_id: str) -> None:
    """facts 2.9: an unknown version, and an unknown agent."""
    response = make(agent={"type": "agent", "id": agent_id, "version": 999})
    assert answered(response) == (404, "not_found_error", "agent.version: 999 not found")
    assert answered(make(agent="agent_011CZkZAtmR3yMPDzynEDxu7"))[:2] == (404, "not_found_error")


@pytest.mark.documented
def test_unknown_environment(make: Any) -> None:
    """facts 2.2: 404."""
    assert answered(make(environment_id="env_011CZkZAtmR3yMPDzynEDxu7"))[:2] == (404, "not_found_error")


@pytest.mark.documented
def test_initial_events(client: Anthropic, make: Any) -> None:
    """facts 7.9: the session is made running; the events are not in the answer and begin a turn."""
    session = make(initial_events=[message("SCRIPT: {ttft=0.5} text begun")]).json()
    assert session["status"] == "running"
    assert "initial_events" not in session
    with listening(client, session["id"]) as conversation:
        if not only(conversation.listed(), "session.status_idle"):
            conversation.read_until("session.status_idle")
        assert types(conversation.listed()) == [*RUNNING, "user.message", *REQUEST, *IDLE]


@pytest.mark.documented
@pytest.mark.parametrize(
    "events",
    [
        [message("hello"), {"type": "user.interrupt"}],
        [message("hello"), {"type": "system.message", "content": [{"type": "text", "text": "x"}]}],
        [message("hello"), message("")],
        [message("hello")] * 51,
    ],
)
def test_initial_events_are_all_or_nothing(make: Any, http: httpx2.Client, events: list[Any]) -> None:
    """facts 7.9: only messages (and an outcome), at most 50; one that is refused refuses the session."""
    before = http.get("/v1/sessions?limit=1").json()["data"]
    refused(make(initial_events=events))
    assert http.get("/v1/sessions?limit=1").json()["data"][0]["id"] == before[0]["id"]


@pytest.mark.validated
def test_usage(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.4, 8.13: the totals are the sum over the spans, in the session, the list and `session.usage`."""
    session = converse()
    session.turn("SCRIPT: text one")
    session.turn("SCRIPT: text and two")
    ends = only(session.listed(), "span.model_request_end")
    usage = http.get(f"/v1/sessions/{session.id}").json()["usage"]
    for key in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
        assert usage[key] == sum(end["model_usage"][key] for end in ends)
    assert usage["output_tokens"] > 0
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    agent = http.get(f"/v1/sessions/{session.id}").json()["agent"]["id"]
    (listed,) = http.get(f"/v1/sessions?agent_id={agent}").json()["data"]
    assert listed["usage"] == usage
    said = session.streamed[-2]
    assert (said["type"], said["budget"]) == ("session.usage", None)
    assert {**said["usage"], "active_seconds": 0} == {**usage, "active_seconds": 0}


@pytest.mark.validated
def test_active_seconds_rest_with_the_session(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.4: `active_seconds` runs while running, and is frozen while idle."""
    session = converse()
    session.say("SCRIPT: {ttft=1} text done")
    session.read_until("span.model_request_start")
    running = [http.get(f"/v1/sessions/{session.id}").json()["stats"]["active_seconds"] for _ in range(2)]
    session.read_until("session.status_idle")
    first, second = (http.get(f"/v1/sessions/{session.id}").json()["stats"] for _ in range(2))
    assert running[0] < running[1] < first["active_seconds"] == second["active_seconds"]
    assert first["active_seconds"] >= 1
    assert second["duration_seconds"] > first["duration_seconds"]


@pytest.mark.validated
def test_archive(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.7: terminated, with its duration frozen; no terminated event; idempotent; it can be deleted."""
    session = converse()
    session.turn("SCRIPT: text done")
    events = session.listed()
    archived = http.post(f"/v1/sessions/{session.id}/archive").json()
    assert archived["status"] == "terminated"
    assert archived["archived_at"] is not None
    assert session.listed() == events
    assert http.get(f"/v1/sessions/{session.id}").json() == archived
    assert http.post(f"/v1/sessions/{session.id}/archive").json() == archived
    assert http.delete(f"/v1/sessions/{session.id}").status_code == 200


@pytest.mark.validated
def test_archive_while_it_requires_action(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.7: no answer is needed first."""
    asking = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}}
    session = converse(tools=[asking])
    session.turn("SCRIPT: bash true | text done")
    assert http.post(f"/v1/sessions/{session.id}/archive").json()["status"] == "terminated"


@pytest.mark.validated
def test_running_is_not_disturbed(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.7, 7.8, 2.9: neither archive nor delete while running, and the run goes on."""
    session = converse()
    session.say("SCRIPT: {ttft=1} text done")
    session.read_until("session.status_running")
    assert refused(http.post(f"/v1/sessions/{session.id}/archive")) == (
        f'Session {session.id} cannot be archived while its status is "running". '
        "Only pending or idle sessions may be archived."
    )
    assert refused(http.delete(f"/v1/sessions/{session.id}")) == (
        "Cannot delete session while it is running. Send an interrupt event or wait for the session to complete."
    )
    assert one(session.read_until("session.status_idle"), "agent.message")["content"][0]["text"] == "done"


@pytest.mark.validated
def test_delete(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.8: the answer, and then nothing is left of it."""
    session = converse()
    session.turn("SCRIPT: text done")
    path = f"/v1/sessions/{session.id}"
    assert http.delete(path).json() == {"id": session.id, "type": "session_deleted"}
    for gone in (path, f"{path}/events", f"{path}/threads", f"{path}/events/stream"):
        assert answered(http.get(gone))[:2] == (404, "not_found_error")


@pytest.mark.documented
def test_unknown(http: httpx2.Client) -> None:
    """facts 2.2: a session that is not there is a 404, wherever it is named."""
    path = f"/v1/sessions/{UNKNOWN}"
    send = {"events": [message("hello")]}
    requests = [
        http.get(path), http.post(path, json={}), http.delete(path), http.post(f"{path}/archive"),
        http.get(f"{path}/events"), http.post(f"{path}/events", json=send), http.get(f"{path}/events/stream"),
        http.get(f"{path}/threads"), http.get(f"{path}/threads/sthr_011CZkZAtmR3yMPDzynEDxu7"),
    ]  # fmt: skip
    for response in requests:
        assert answered(response)[:2] == (404, "not_found_error")


@pytest.mark.documented
def test_archived_accepts_nothing(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.7: no events and no changes after archive."""
    session = converse()
    http.post(f"/v1/sessions/{session.id}/archive").raise_for_status()
    refused(http.post(f"/v1/sessions/{session.id}/events", json={"events": [message("hello")]}))
    refused(http.post(f"/v1/sessions/{session.id}", json={"title": "new"}))


@pytest.mark.documented
def test_update(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.12: title and metadata; `session.updated` holds only what changed."""
    session = converse()
    path = f"/v1/sessions/{session.id}"
    changed = http.post(path, json={"title": "new", "metadata": {"a": "1"}}).json()
    assert (changed["title"], changed["metadata"]) == ("new", {"a": "1"})
    (event,) = session.read_until("session.updated")
    assert {key: event[key] for key in event if key not in ("id", "type", "processed_at")} == {
        "title": "new", "metadata": {"a": "1"},
    }  # fmt: skip
    changed = http.post(path, json={"metadata": {"a": None, "b": "2"}}).json()
    assert changed["metadata"] == {"b": "2"}
    (event,) = session.read_until("session.updated")
    assert "title" not in event


@pytest.mark.documented
def test_update_agent(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.12: the tools are replaced while idle, and said with the whole snapshot."""
    session = converse()
    path, tools = f"/v1/sessions/{session.id}", {"agent": {"tools": [{"type": "agent_toolset_20260401"}]}}
    changed = http.post(path, json=tools).json()["agent"]
    (event,) = session.read_until("session.updated")
    assert set(event["agent"]) >= SNAPSHOT
    assert event["agent"]["tools"] == changed["tools"] != []
    events = session.turn("SCRIPT: bash echo now | text done")
    assert one(events, "agent.tool_use")["evaluated_permission"] == "allow"
    session.say("SCRIPT: {ttft=1} text done")
    session.read_until("session.status_running")
    refused(http.post(path, json=tools))
    session.read_until("session.status_idle")


@pytest.mark.documented
def test_vaults_do_not_change(converse: Converse, http: httpx2.Client) -> None:
    """facts 7.12: `vault_ids` is refused."""
    refused(http.post(f"/v1/sessions/{converse().id}", json={"vault_ids": ["vlt_011CZkZAtmR3yMPDzynEDxu7"]}))


@pytest.mark.documented
def test_filters(make: Any, http: httpx2.Client) -> None:
    """facts 4.6: by agent, version, status; archived ones only when asked for."""
    agent = http.post("/v1/agents", json={"name": "a", "model": "scripted"}).json()["id"]
    first = make(agent=agent).json()["id"]
    http.post(f"/v1/agents/{agent}", json={"system": "two"}).raise_for_status()
    second, gone = make(agent=agent).json()["id"], make(agent=agent).json()["id"]
    http.post(f"/v1/sessions/{gone}/archive").raise_for_status()

    def found(**query: Any) -> list[str]:
        return [item["id"] for item in http.get("/v1/sessions", params={"agent_id": agent, **query}).json()["data"]]

    assert found() == [second, first]
    assert found(agent_version=1) == [first]
    assert found(include_archived="true") == [gone, second, first]
    assert found(**{"statuses[]": "idle"}) == [second, first]
    assert found(**{"statuses[]": ["running", "rescheduling"]}) == []
    assert found(**{"statuses[]": "terminated", "include_archived": "true"}) == [gone]
    assert found(deployment_id="depl_011CZkZAtmR3yMPDzynEDxu7") == []
    refused(http.get("/v1/sessions?statuses[]=asleep"))
    refused(http.get("/v1/sessions?order=sideways"))
