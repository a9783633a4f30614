"""Vaults and their credentials (facts 15)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .test_errors import refused

BEARER = {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com/mcp", "token": "planted-bearer"}
OAUTH = {
    "type": "mcp_oauth",
    "mcp_server_url": "https://mcp.example.com/mcp",
    "access_token": "planted-access",
    "expires_at": "2099-12-31T23:59:59Z",
    "refresh": {
        "client_id": "me",
        "refresh_token": "planted-refresh",
        "token_endpoint": "https://auth.example.com/token",
        "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "planted-client-secret"},
        "scope": "read write",
    },
}
VARIABLE = {
    "type": "environment_variable",
    "secret_name": "SERVICE_TOKEN",
    "secret_value": "planted-value",
    "networking": {"type": "limited", "allowed_hosts": ["api.example.com", "*.example.org", "192.0.2.1"]},
}


@pytest.fixture
def vault(http: httpx2.Client) -> str:
    return http.post("/v1/vaults", json={"display_name": "Alice"}).json()["id"]


def add(http: httpx2.Client, vault: str, auth: dict[str, Any], **fields: Any) -> httpx2.Response:
    return http.post(f"/v1/vaults/{vault}/credentials", json={"auth": auth, **fields})


@pytest.mark.validated
def test_shape(http: httpx2.Client) -> None:
    """facts 15.1."""
    made = http.post("/v1/vaults", json={"display_name": "Alice", "metadata": {"user": "1"}}).json()
    assert made["created_at"] == made["updated_at"]
    assert made == {
        "id": made["id"], "type": "vault", "display_name": "Alice", "metadata": {"user": "1"},
        "created_at": made["created_at"], "updated_at": made["created_at"], "archived_at": None,
    }  # fmt: skip
    assert made["id"].startswith("vlt_01")


@pytest.mark.documented
def test_life(client: Anthropic) -> None:
    """Made, changed, listed, archived, deleted through the SDK; facts 15.4."""
    vaults = client.beta.vaults
    made = vaults.create(display_name="Alice", metadata={"a": "1", "b": "2"})
    changed = vaults.update(made.id, display_name="Bob", metadata={"a": None, "c": "3"})
    assert (changed.display_name, changed.metadata) == ("Bob", {"b": "2", "c": "3"})
    assert changed.updated_at > made.updated_at
    assert vaults.update(made.id, display_name="Bob") == changed
    assert vaults.list().data[0] == changed
    credential = vaults.credentials.create(made.id, auth=BEARER)  # pyright: ignore[reportArgumentType]
    archived = vaults.archive(made.id)
    assert archived.archived_at
    assert vaults.archive(made.id) == archived
    assert vaults.credentials.retrieve(credential.id, vault_id=made.id).archived_at
    assert made.id not in [vault.id for vault in vaults.list(limit=100)]
    assert made.id in [vault.id for vault in vaults.list(limit=100, include_archived=True)]
    assert vaults.delete(made.id).to_dict() == {"id": made.id, "type": "vault_deleted"}
    with pytest.raises(Exception, match="Vault not found"):
        vaults.retrieve(made.id)


@pytest.mark.validated
@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        (BEARER, {"type": "static_bearer", "mcp_server_url": "https://mcp.example.com/mcp"}),
        (
            {key: OAUTH[key] for key in ("type", "mcp_server_url", "access_token")},
            {"type": "mcp_oauth", "mcp_server_url": "https://mcp.example.com/mcp"},
        ),
        (
            OAUTH,
            {
                "type": "mcp_oauth",
                "mcp_server_url": "https://mcp.example.com/mcp",
                "expires_at": "2099-12-31T23:59:59.000000Z",
                "refresh": {
                    "client_id": "me",
                    "token_endpoint": "https://auth.example.com/token",
                    "token_endpoint_auth": {"type": "client_secret_post"},
                    "scope": "read write",
                },
            },
        ),
        (
            VARIABLE,
            {
                "type": "environment_variable",
                "secret_name": "SERVICE_TOKEN",
                "networking": VARIABLE["networking"],
                "injection_location": {"header": True, "body": False},
            },
        ),
    ],
)
def test_secrets_are_not_shown(http: httpx2.Client, vault: str, auth: dict[str, Any], shown: dict[str, Any]) -> None:
    """facts 15.1, 15.2: unset optional keys are absent; no answer has a secret in it."""
    made = add(http, vault, auth, display_name="one")
    credential = made.json()
    assert credential["auth"] == shown
    assert credential == {
        "id": credential["id"], "type": "vault_credential", "vault_id": vault, "display_name": "one", "metadata": {},
        "auth": shown, "created_at": credential["created_at"], "updated_at": credential["created_at"],
        "archived_at": None,
    }  # fmt: skip
    place = f"/v1/vaults/{vault}/credentials"
    answers = [
        made,
        http.get(place),
        http.get(f"{place}/{credential['id']}"),
        http.post(f"{place}/{credential['id']}/archive"),
    ]
    assert not any("planted" in answer.text for answer in answers)


@pytest.mark.validated
def test_one_active_credential_a_server(http: httpx2.Client, vault: str) -> None:
    """facts 15.3, 15.6: 409 for another spelling of the same URL; archiving frees it; a query makes another."""
    first = add(http, vault, BEARER).json()
    for url in ("https://MCP.example.com:443/mcp/", "HTTPS://mcp.example.com/mcp"):
        answer = add(http, vault, {**BEARER, "mcp_server_url": url})
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "invalid_request_error")
    assert add(http, vault, {**BEARER, "mcp_server_url": "https://mcp.example.com/mcp?x=1"}).status_code == 200
    http.post(f"/v1/vaults/{vault}/credentials/{first['id']}/archive").raise_for_status()
    assert add(http, vault, BEARER).status_code == 200


@pytest.mark.validated
def test_rotation(http: httpx2.Client, vault: str) -> None:
    """facts 15.3: a new token keeps the id; what the credential is for cannot change."""
    place = f"/v1/vaults/{vault}/credentials"
    made = add(http, vault, OAUTH).json()
    path = f"{place}/{made['id']}"
    update = {
        "type": "mcp_oauth",
        "access_token": "planted-new",
        "refresh": {"refresh_token": "planted-newer", "scope": ""},
    }
    changed = http.post(path, json={"auth": update, "display_name": "mine", "metadata": {"k": "v"}}).json()
    assert (changed["id"], changed["display_name"], changed["metadata"]) == (made["id"], "mine", {"k": "v"})
    assert "scope" not in changed["auth"]["refresh"]
    for auth, field in (
        ({"type": "mcp_oauth", "mcp_server_url": "https://other.example.com"}, "mcp_server_url"),
        ({"type": "mcp_oauth", "refresh": {"client_id": "x"}}, "client_id"),
        ({"type": "mcp_oauth", "refresh": {"token_endpoint": "https://a.example"}}, "token_endpoint"),
        ({"type": "static_bearer", "token": "x"}, "auth.type"),
        ({"type": "mcp_oauth", "expires_at": "2001-01-01T00:00:00Z"}, "auth.expires_at must be in the future."),
    ):
        assert field in refused(http.post(path, json={"auth": auth}))
    http.post(f"{path}/archive").raise_for_status()
    assert refused(http.post(path, json={"display_name": "x"})) == "Credential is archived."


@pytest.mark.documented
def test_where_a_variable_is_put_in(http: httpx2.Client, vault: str) -> None:
    """What is left out of an update keeps its value; one place must be left."""
    path = f"/v1/vaults/{vault}/credentials/{add(http, vault, VARIABLE).json()['id']}"

    def change(**fields: Any) -> httpx2.Response:
        return http.post(path, json={"auth": {"type": "environment_variable", **fields}})

    assert change(injection_location={"body": True}).json()["auth"]["injection_location"] == {
        "header": True,
        "body": True,
    }
    assert change(injection_location={"header": False}).json()["auth"]["injection_location"] == {
        "header": False,
        "body": True,
    }
    assert "at least one" in refused(change(injection_location={"body": False}))
    assert change(networking={"type": "unrestricted"}).json()["auth"]["networking"] == {"type": "unrestricted"}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({**VARIABLE, "secret_name": "not a name"}, "secret_name"),
        ({**VARIABLE, "secret_value": ""}, "secret_value"),
        ({**VARIABLE, "secret_value": "two\nlines"}, "secret_value"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": []}}, "allowed_hosts"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": ["a.example"] * 17}}, "allowed_hosts"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": ["https://a.example"]}}, "allowed_hosts"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": ["::1"]}}, "allowed_hosts"),
        ({**BEARER, "mcp_server_url": "ftp://a.example"}, "mcp_server_url"),
        ({**OAUTH, "expires_at": "2001-01-01T00:00:00Z"}, "auth.expires_at must be in the future."),
        ({**OAUTH, "expires_at": "soon"}, "expires_at"),
        ({"type": "password"}, "type"),
    ],
)
def test_refused_bodies(http: httpx2.Client, vault: str, auth: dict[str, Any], field: str) -> None:
    assert field in refused(add(http, vault, auth))


@pytest.mark.documented
def test_limits(http: httpx2.Client, vault: str) -> None:
    """facts 15.4: at most 20 credentials a vault, names of 1 to 255 characters."""
    for number in range(20):
        add(http, vault, {**BEARER, "mcp_server_url": f"https://{number}.example.com"}).raise_for_status()
    assert "20" in refused(add(http, vault, BEARER))
    for name in ("", "x" * 256):
        assert "display_name" in refused(http.post("/v1/vaults", json={"display_name": name}))


@pytest.mark.documented
def test_sessions_and_their_vaults(http: httpx2.Client, vault: str, agent_id: str, environment_id: str) -> None:
    """A session shows its vaults; one that is archived or missing cannot be given to a new session."""

    def create(*vault_ids: str) -> httpx2.Response:
        body = {"agent": agent_id, "environment_id": environment_id, "vault_ids": list(vault_ids)}
        return http.post("/v1/sessions", json=body)

    session = create(vault).json()
    assert session["vault_ids"] == [vault]
    http.post(f"/v1/vaults/{vault}/archive").raise_for_status()
    assert refused(create(vault)) == f"Vault {vault} is archived."
    assert http.get(f"/v1/sessions/{session['id']}").json()["vault_ids"] == [vault]
    assert create("vlt_011CZkZAtmR3yMPDzynEDxu7").status_code == 404


@pytest.mark.documented
def test_an_archived_vault_takes_no_credential(http: httpx2.Client, vault: str) -> None:
    http.post(f"/v1/vaults/{vault}/archive").raise_for_status()
    assert refused(add(http, vault, BEARER)) == f"Vault {vault} is archived."
