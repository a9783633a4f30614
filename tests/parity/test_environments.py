"""Environments (facts 6)."""

from typing import Any

import httpx2
import pytest

from .test_errors import refused
from .test_gates import answered

NONE = {"type": "packages", "apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []}


def make(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    response = http.post("/v1/environments", json={"name": "one", **fields})
    response.raise_for_status()
    return response.json()


@pytest.mark.validated
def test_shape(http: httpx2.Client) -> None:
    """facts 6.1, 6.2: the keys and defaults of a new environment."""
    environment = make(http)
    config = {"type": "cloud", "networking": {"type": "unrestricted"}, "packages": NONE}
    made = {key: environment.pop(key) for key in ("id", "created_at", "updated_at")}
    assert made["created_at"] == made["updated_at"]
    assert environment == {
        "type": "environment", "name": "one", "description": "", "state": "active", "scope": "organization",
        "metadata": {}, "config": config, "archived_at": None,
    }  # fmt: skip


@pytest.mark.validated
def test_limited(http: httpx2.Client) -> None:
    """facts 6.3: the switches are filled in; hosts are kept as sent, none is accepted."""
    for hosts in (["Example.COM", "*.example.org"], []):
        networking = make(http, config={"type": "cloud", "networking": {"type": "limited", "allowed_hosts": hosts}})
        expected = {"allowed_hosts": hosts, "allow_mcp_servers": False, "allow_package_managers": False}
        assert networking["config"]["networking"] == {"type": "limited", **expected}


@pytest.mark.validated
def test_hosts(http: httpx2.Client) -> None:
    """facts 2.9, 6.3: no port and no URL."""

    def message(host: str) -> str:
        config = {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": [host]}}
        return refused(http.post("/v1/environments", json={"name": "x", "config": config}))

    assert message("example.com:443") == (
        '`allowed_hosts` entry "example.com:443" contains a port. Entries must be bare hostnames without ports.'
    )
    assert message("https://google.com").endswith(
        'contains a URL scheme. Entries must be bare hostnames like "google.com".'
    )


@pytest.mark.documented
def test_packages_under_limited_networking(http: httpx2.Client) -> None:
    """facts 6.4: packages need `allow_package_managers`."""
    for allowed, status in ((False, 400), (True, 200)):
        networking = {"type": "limited", "allow_package_managers": allowed}
        config = {"type": "cloud", "networking": networking, "packages": {"pip": ["ruff"]}}
        response = http.post("/v1/environments", json={"name": "x", "config": config})
        assert response.status_code == status
    assert response.json()["config"]["packages"] == {**NONE, "pip": ["ruff"]}


@pytest.mark.documented
def test_update(http: httpx2.Client) -> None:
    """facts 6.4: null clears the description, null or "" deletes a metadata key, the rest is kept."""
    networking = {"type": "limited", "allowed_hosts": ["a.example"]}
    config = {"type": "cloud", "networking": networking}
    made = make(http, description="d", metadata={"a": "1", "b": "2", "c": "3"}, config=config)
    body = {"description": None, "metadata": {"a": None, "b": ""}, "config": {"type": "cloud"}}
    changed = http.post(f"/v1/environments/{made['id']}", json=body).json()
    assert (changed["metadata"], changed["config"]) == ({"c": "3"}, made["config"])
    assert not changed["description"]
    assert changed["updated_at"] > made["updated_at"]


@pytest.mark.validated
def test_archive(http: httpx2.Client, agent_id: str) -> None:
    """facts 6.6: idempotent, hidden by default, still there; no new sessions."""
    made = make(http)
    path = f"/v1/environments/{made['id']}"
    archived = http.post(f"{path}/archive").json()
    assert (archived["state"], archived["archived_at"] is None) == ("archived", False)
    assert http.post(f"{path}/archive").json() == archived
    assert http.get(path).json()["state"] == "archived"
    shown = {flag: http.get(f"/v1/environments?limit=100&include_archived={flag}").json() for flag in ("true", "false")}
    listed = {flag: made["id"] in [item["id"] for item in body["data"]] for flag, body in shown.items()}
    assert listed == {"true": True, "false": False}
    response = http.post("/v1/sessions", json={"agent": agent_id, "environment_id": made["id"]})
    assert refused(response) == f"Environment {made['id']} is archived."


@pytest.mark.validated
def test_delete_in_use(http: httpx2.Client, agent_id: str) -> None:
    """facts 6.7: it succeeds although sessions reference it, and they stay."""
    made = make(http)
    session = http.post("/v1/sessions", json={"agent": agent_id, "environment_id": made["id"]}).json()
    path = f"/v1/environments/{made['id']}"
    assert http.delete(path).json() == {"id": made["id"], "type": "environment_deleted"}
    assert answered(http.get(path))[:2] == (404, "not_found_error")
    assert http.get(f"/v1/sessions/{session['id']}").json()["environment_id"] == made["id"]


@pytest.mark.validated
def test_delete_archived(http: httpx2.Client) -> None:
    """facts 6.7: an archived environment can be deleted."""
    made = make(http)
    http.post(f"/v1/environments/{made['id']}/archive").raise_for_status()
    assert http.delete(f"/v1/environments/{made['id']}").status_code == 200


@pytest.mark.documented
def test_unknown(http: httpx2.Client) -> None:
    """facts 2.2: what does not exist is a 404."""
    path = "/v1/environments/env_011CZkZAtmR3yMPDzynEDxu7"
    for request in (http.get(path), http.post(path, json={}), http.post(f"{path}/archive"), http.delete(path)):
        assert answered(request)[:2] == (404, "not_found_error")
