"""Agents: their shape, versions and archive (facts 5)."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from .test_errors import refused
from .test_gates import answered

UNKNOWN = "agent_011CZkZAtmR3yMPDzynEDxu7"


def make(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    response = http.post("/v1/agents", json={"name": "one", "model": "scripted", **fields})
    response.raise_for_status()
    return response.json()


def change(http: httpx2.Client, agent: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = http.post(f"/v1/agents/{agent['id']}", json=fields)
    response.raise_for_status()
    return response.json()


@pytest.mark.validated
def test_shape(http: httpx2.Client) -> None:
    """facts 5.1: the keys of a new agent, and what they hold."""
    agent = make(http)
    assert set(agent) == {
        "id", "type", "name", "description", "system", "model", "tools", "mcp_servers", "skills", "multiagent",
        "metadata", "version", "created_at", "updated_at", "archived_at", "execution_identity",
    }  # fmt: skip
    empty = {"description": None, "system": None, "multiagent": None, "archived_at": None}
    lists = {"tools": [], "mcp_servers": [], "skills": [], "metadata": {}}
    assert {**empty, **lists, "type": "agent", "name": "one", "version": 1}.items() <= agent.items()
    assert agent["execution_identity"] == {"type": "service_account"}
    assert agent["created_at"] == agent["updated_at"]


@pytest.mark.validated
def test_model_is_an_object(http: httpx2.Client) -> None:
    """facts 5.2: a string is echoed as an object."""
    for model in ("scripted", {"id": "scripted"}):
        echoed = make(http, model=model)["model"]
        assert (echoed["id"], echoed["speed"]) == ("scripted", "standard")


@pytest.mark.validated
def test_bare_toolset(http: httpx2.Client) -> None:
    """facts 5.3: the default config is filled in, and no entry is added."""
    (toolset,) = make(http, tools=[{"type": "agent_toolset_20260401"}])["tools"]
    default = {"enabled": True, "permission_policy": {"type": "always_allow"}}
    assert toolset == {"type": "agent_toolset_20260401", "default_config": default, "configs": []}


@pytest.mark.validated
def test_config_entries_are_resolved(http: httpx2.Client) -> None:
    """facts 5.3, 5.4: only what was sent, each with its type and what it inherits."""
    default = {"enabled": False, "permission_policy": {"type": "always_ask"}}
    configs = [{"name": "bash", "enabled": True}, {"name": "web_fetch"}]
    toolset = {"type": "agent_toolset_20260401", "default_config": default, "configs": configs}
    bash, fetch = make(http, tools=[toolset])["tools"][0]["configs"]
    asking = {"type": "always_ask"}
    assert bash == {"name": "bash", "type": "bash", "enabled": True, "permission_policy": asking}
    assert fetch == {
        "name": "web_fetch", "type": "web_fetch", "enabled": False, "permission_policy": asking,
        "allowed_domains": None, "blocked_domains": None, "max_content_tokens": None, "url_sources": None,
    }  # fmt: skip


@pytest.mark.validated
@pytest.mark.parametrize("policy", ["never_allow", "always_deny", "deny", ""])
def test_policies(http: httpx2.Client, policy: str) -> None:
    """facts 5.7: policies that do not exist."""
    toolset = {"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": policy}}}
    refused(http.post("/v1/agents", json={"name": "a", "model": "scripted", "tools": [toolset]}))


@pytest.mark.documented
@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": None},
        {"model": None},
        {"model": ""},
        {"metadata": {f"{n}": "x" for n in range(17)}},
        {"metadata": {"k" * 65: "x"}},
        {"metadata": {"k": "x" * 513}},
        {"metadata": {"k": 1}},
        {"tools": [{"type": "custom", "name": "bash", "description": "d", "input_schema": {"type": "object"}}]},
        {"tools": [{"type": "custom", "name": "a b", "description": "d", "input_schema": {"type": "object"}}]},
        {"tools": [{"type": "custom", "name": "mcp__x", "description": "d", "input_schema": {"type": "object"}}]},
    ],
)
def test_field_limits(http: httpx2.Client, fields: dict[str, Any]) -> None:
    """facts 5.8: what an agent cannot have."""
    refused(http.post("/v1/agents", json={"name": "a", "model": "scripted", **fields}))


@pytest.mark.validated
def test_ids_in_paths(http: httpx2.Client) -> None:
    """facts 2.9: malformed is a 400, unknown a 404."""
    for request in (http.get("/v1/agents/nonsense"), http.post("/v1/agents/nonsense/archive")):
        assert refused(request) == "Invalid agent ID."
    for request in (http.get(f"/v1/agents/{UNKNOWN}"), http.post(f"/v1/agents/{UNKNOWN}/archive")):
        assert answered(request) == (404, "not_found_error", "Agent not found.")


@pytest.mark.validated
def test_versions(http: httpx2.Client) -> None:
    """facts 5.11: versions count from 1; `created_at` stays, `updated_at` belongs to the version."""
    first = make(http, system="one")
    second = change(http, first, system="two")
    assert (second["version"], second["created_at"]) == (2, first["created_at"])
    assert second["updated_at"] > first["updated_at"]
    listed = http.get(f"/v1/agents/{first['id']}/versions").json()["data"]
    assert listed == [second, first]
    assert http.get(f"/v1/agents/{first['id']}?version=1").json() == first
    assert http.get(f"/v1/agents/{first['id']}").json() == second
    unknown = http.get(f"/v1/agents/{first['id']}?version=9")
    assert answered(unknown) == (404, "not_found_error", "Agent version not found.")


@pytest.mark.documented
def test_version_pages(http: httpx2.Client) -> None:
    """facts 4.5: newest first, 20 a page unless told."""
    agent = make(http)
    for number in range(2, 24):
        agent = change(http, agent, system=f"{number}")
    path = f"/v1/agents/{agent['id']}/versions"
    first = http.get(path).json()
    assert [item["version"] for item in first["data"]] == list(range(23, 3, -1))
    rest = http.get(path, params={"page": first["next_page"]}).json()
    assert ([item["version"] for item in rest["data"]], rest["next_page"]) == ([3, 2, 1], None)


@pytest.mark.validated
def test_stale_version(http: httpx2.Client) -> None:
    """facts 5.10, 2.3: a stale `version` is a 409 `invalid_request_error`, even when nothing would change."""
    agent = make(http, system="one")
    change(http, agent, version=1, system="two")
    for system in ("three", "two"):
        response = http.post(f"/v1/agents/{agent['id']}", json={"version": 1, "system": system})
        text = "Concurrent modification detected. Please fetch the latest version and retry."
        assert answered(response) == (409, "invalid_request_error", text)
        assert response.headers["x-should-retry"] == "false"
    assert change(http, agent, version=2, system="three")["version"] == 3


@pytest.mark.documented
def test_no_op(http: httpx2.Client) -> None:
    """facts 5.11: an update that changes nothing gives the version there is."""
    agent = make(http, system="one", metadata={"a": "b"})
    assert change(http, agent) == agent
    assert change(http, agent, system="one", metadata={"a": "b"}, tools=[], model="scripted") == agent


@pytest.mark.documented
def test_update_merges(http: httpx2.Client) -> None:
    """facts 5.9: omitted keeps, null clears, arrays replace, metadata merges key by key."""
    toolset = {"type": "agent_toolset_20260401"}
    agent = make(http, system="s", description="d", tools=[toolset], metadata={"a": "1", "b": "2", "c": "3"})
    changed = change(http, agent, system=None, metadata={"a": "9", "b": None, "c": ""})
    assert (changed["system"], changed["description"], changed["metadata"]) == (None, "d", {"a": "9"})
    assert changed["tools"] == agent["tools"]
    cleared = change(http, agent, description="", tools=None)
    assert (cleared["description"], cleared["tools"]) == (None, [])


@pytest.mark.documented
@pytest.mark.parametrize("field", ["name", "model"])
def test_what_cannot_be_cleared(http: httpx2.Client, agent_id: str, field: str) -> None:
    """facts 5.9: name and model."""
    assert field in refused(http.post(f"/v1/agents/{agent_id}", json={field: None}))


@pytest.mark.validated
def test_archive(http: httpx2.Client) -> None:
    """facts 5.13: the answer's `updated_at` is the moment; a later GET shows the version's own again."""
    agent = make(http)
    archived = http.post(f"/v1/agents/{agent['id']}/archive").json()
    assert archived["updated_at"] == archived["archived_at"] > agent["updated_at"]
    later = http.get(f"/v1/agents/{agent['id']}").json()
    assert (later["updated_at"], later["archived_at"]) == (agent["updated_at"], archived["archived_at"])


@pytest.mark.validated
def test_archive_is_idempotent_and_final(http: httpx2.Client) -> None:
    """facts 5.13, 2.9: twice gives the same; every version shows it; no more updates."""
    agent = change(http, make(http, system="one"), system="two")
    archive = f"/v1/agents/{agent['id']}/archive"
    assert http.post(archive).json() == (archived := http.post(archive).json())
    versions = http.get(f"/v1/agents/{agent['id']}/versions").json()["data"]
    assert [item["archived_at"] for item in versions] == [archived["archived_at"]] * 2
    assert refused(http.post(f"/v1/agents/{agent['id']}", json={"system": "3"})) == "Cannot modify archived agent"


@pytest.mark.documented
def test_archived_are_hidden(client: Anthropic, http: httpx2.Client) -> None:
    """facts 4.5: only `include_archived=true` lists them."""
    agent = make(http)
    client.beta.agents.archive(agent["id"])
    assert agent["id"] not in [each.id for each in client.beta.agents.list(limit=100)]
    assert agent["id"] in [each.id for each in client.beta.agents.list(limit=100, include_archived=True)]


@pytest.mark.validated
def test_archived_starts_no_session(http: httpx2.Client, environment_id: str) -> None:
    """facts 2.9: any version of an archived agent."""
    agent = make(http)
    http.post(f"/v1/agents/{agent['id']}/archive")
    text = f"agent {agent['id']} is archived and cannot be used to create a session"
    for form in (agent["id"], {"type": "agent", "id": agent["id"], "version": 1}):
        response = http.post("/v1/sessions", json={"agent": form, "environment_id": environment_id})
        assert refused(response) == text


@pytest.mark.validated
def test_errors_reach_the_official_client(client: Anthropic) -> None:
    """facts 2.2: the SDK tells them apart by status."""
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.beta.agents.retrieve(UNKNOWN)
    assert caught.value.request_id
    with pytest.raises(anthropic.BadRequestError):
        client.beta.agents.retrieve("nonsense")
