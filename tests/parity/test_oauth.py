"""Credentials of MCP servers that expire: validated, renewed (facts 15.5)."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from anthropic import Anthropic, BadRequestError
from server import RunningServer, start_server

GOOD, STALE = "planted-good", "planted-stale"


@dataclass
class Service:
    """An MCP server at /mcp that takes one token, and a token endpoint at /token that answers as it is told."""

    url: str = ""
    token_status: int = 200
    mcp_status: int = 401
    forms: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    logins: list[str] = field(default_factory=list[str])


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            login = self.headers.get("Authorization", "")
            if self.path == "/token":
                made.forms.append(dict(parse_qsl(body)))
                made.logins.append(login)
                fine = {"access_token": GOOD, "expires_in": 3600, "refresh_token": "planted-next"}
                self.say(made.token_status, fine if made.token_status == 200 else {"error": "invalid_grant"})
            elif login != f"Bearer {GOOD}":
                self.say(made.mcp_status, {"error": "invalid_token", "got": login})
            else:
                asked = json.loads(body)
                self.say(200, {"jsonrpc": "2.0", "id": asked.get("id"), "result": {"tools": []}})

        def say(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory: Path = tmp_path_factory.mktemp("oauth")
    with start_server(directory, egress={"allow_private": ["127.0.0.1"]}) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[Anthropic]:
    with Anthropic(
        base_url=server.url, api_key=server.api_key, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def validated(client: Anthropic, service: Service, token: str, **refresh: Any) -> dict[str, Any]:
    """What validation says of a new credential with this token."""
    vault = client.beta.vaults.create(display_name="one").id
    auth: Any = {"type": "mcp_oauth", "mcp_server_url": f"{service.url}/mcp", "access_token": token}
    if refresh:
        place = {"client_id": "me", "refresh_token": "planted-refresh", "token_endpoint": f"{service.url}/token"}
        auth["refresh"] = {**place, "token_endpoint_auth": {"type": "none"}, **refresh}
    made = client.beta.vaults.credentials.create(vault, auth=auth).id
    found = client.beta.vaults.credentials.mcp_oauth_validate(made, vault_id=vault).to_dict(mode="json")
    assert (found.pop("vault_id"), found.pop("credential_id")) == (vault, made)
    assert found.pop("type") == "vault_credential_validation"
    assert found.pop("validated_at")
    return found


@pytest.mark.validated
def test_a_token_that_works(client: Anthropic, service: Service) -> None:
    found = validated(client, service, GOOD)
    assert found == {"status": "valid", "has_refresh_token": False, "mcp_probe": None, "refresh": None}


@pytest.mark.validated
def test_no_refresh_token(client: Anthropic, service: Service) -> None:
    """facts 15.5: 401 and nothing to renew it with: invalid. The answer's body is shown without the secret."""
    found = validated(client, service, STALE)
    body = json.dumps({"error": "invalid_token", "got": "Bearer [redacted]"})
    answer = {"status_code": 401, "content_type": "application/json", "body": body, "body_truncated": False}
    assert (found["status"], found["has_refresh_token"]) == ("invalid", False)
    assert found["refresh"] == {"status": "no_refresh_token", "http_response": None}
    assert found["mcp_probe"] == {"method": "initialize", "http_response": answer}


@pytest.mark.documented
@pytest.mark.parametrize("way", ["none", "client_secret_basic", "client_secret_post"])
def test_renewed(client: Anthropic, service: Service, way: str) -> None:
    """The page on vaults: three ways to tell who asks; the new token is tried, and kept."""
    secret = {} if way == "none" else {"client_secret": "planted-client"}
    found = validated(client, service, STALE, token_endpoint_auth={"type": way, **secret}, scope="read")
    assert (found["status"], found["refresh"]) == ("valid", {"status": "succeeded", "http_response": None})
    (form,), (login,) = service.forms, service.logins
    assert (form["grant_type"], form["refresh_token"], form["scope"]) == ("refresh_token", "planted-refresh", "read")
    assert ("client_secret" in form) is (way == "client_secret_post")
    basic = base64.b64encode(b"me:planted-client").decode()
    assert login == (f"Basic {basic}" if way == "client_secret_basic" else "")


@pytest.mark.documented
@pytest.mark.parametrize(
    ("status", "verdict"), [(400, "invalid"), (401, "invalid"), (429, "unknown"), (503, "unknown")]
)
def test_not_renewed(client: Anthropic, service: Service, status: int, verdict: str) -> None:
    """The page on vaults: a 4xx of the token endpoint means that the grant is gone, 429 and 5xx that one may wait."""
    service.token_status = status
    found = validated(client, service, STALE, scope="x")
    assert (found["status"], found["refresh"]["status"]) == (verdict, "failed")
    assert found["refresh"]["http_response"]["status_code"] == status


@pytest.mark.documented
def test_nobody_answers(client: Anthropic, service: Service) -> None:
    """Neither of the token endpoint nor of the server itself."""
    found = validated(client, service, STALE, token_endpoint="http://127.0.0.1:9/token")
    assert (found["status"], found["refresh"]) == ("unknown", {"status": "connect_error", "http_response": None})
    service.mcp_status = 503
    found = validated(client, service, STALE)
    assert (found["status"], found["refresh"], found["mcp_probe"]["method"]) == ("unknown", None, "initialize")
    service.url = "http://10.255.255.1"  # private, and not allowed
    found = validated(client, service, STALE)
    assert (found["status"], found["mcp_probe"]) == ("unknown", {"method": "initialize", "http_response": None})


@pytest.mark.validated
def test_what_cannot_be_validated(client: Anthropic) -> None:
    """facts 15.5: a static bearer, an archived credential."""
    vault = client.beta.vaults.create(display_name="one").id
    credentials = client.beta.vaults.credentials
    bearer: Any = {"type": "static_bearer", "mcp_server_url": "https://a.example", "token": "x"}
    made = credentials.create(vault, auth=bearer)
    with pytest.raises(BadRequestError, match="The request was invalid"):
        credentials.mcp_oauth_validate(made.id, vault_id=vault)
    credentials.archive(made.id, vault_id=vault)
    with pytest.raises(BadRequestError, match="Credential is archived"):
        credentials.mcp_oauth_validate(made.id, vault_id=vault)
