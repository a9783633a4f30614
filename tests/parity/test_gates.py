"""Who may ask: routes, keys, betas and versions, in the reference's order (facts 1)."""

import httpx2
import pytest
from anthropic import Anthropic
from server import RunningServer

from .conftest import MANAGED

ENVIRONMENTS = "environments-2025-11-01"
NO_ENVIRONMENTS = "The environments API requires the `environments-2025-11-01` value in the `anthropic-beta` header."
ONE_BETA = "Only one environments beta header may be specified per request."
VERSION = {"anthropic-version": "2023-06-01"}


def unexpected(value: str) -> str:
    return (
        f"Unexpected value(s) `{value}` for the `anthropic-beta` header. Please consult our documentation at "
        "docs.claude.com or try again without the header."
    )


def answered(response: httpx2.Response) -> tuple[int, str, str]:
    """Status, error type and message; checks the envelope."""
    body = response.json()
    assert set(body) == {"type", "error", "request_id"}
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    return response.status_code, body["error"]["type"], body["error"]["message"]


@pytest.mark.validated
def test_unknown_route_needs_no_key(bare: httpx2.Client) -> None:
    """facts 1.1 (a): an unknown route is a 404 even without credentials."""
    assert answered(bare.get("/v1/nothing")) == (404, "not_found_error", "Not found")


@pytest.mark.validated
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, {"x-api-key": "", "authorization": "Bearer"}],
)
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions", "/v1/models"])
def test_missing_and_wrong_keys_answer_alike(bare: httpx2.Client, path: str, headers: dict[str, str]) -> None:
    """facts 1.1 (b): 401 with one text, and before the beta gate and the version."""
    assert answered(bare.get(path, headers=headers)) == (401, "authentication_error", "Authentication failed")


@pytest.mark.validated
def test_beta_comes_before_version(bare: httpx2.Client, server: RunningServer) -> None:
    """facts 1.1 (c, d): a request that lacks both gets the beta's 404."""
    key = {"x-api-key": server.api_key}
    assert answered(bare.get("/v1/agents", headers=key))[0] == 404
    assert answered(bare.get("/v1/sessions", headers=key))[0] == 404


@pytest.mark.validated
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
def test_version_is_required(bare: httpx2.Client, server: RunningServer, path: str) -> None:
    """facts 1.2: with key and beta, a missing `anthropic-version` is a 400 of this text."""
    response = bare.get(path, headers={"x-api-key": server.api_key, "anthropic-beta": MANAGED})
    assert answered(response) == (400, "invalid_request_error", "anthropic-version: header is required")


@pytest.mark.documented
@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_two_ways_to_send_a_key(bare: httpx2.Client, server: RunningServer, header: str) -> None:
    """facts 1.6: `x-api-key` or `Authorization: Bearer`."""
    value = server.api_key if header == "x-api-key" else f"Bearer {server.api_key}"
    response = bare.get("/v1/agents", headers={header: value, "anthropic-beta": MANAGED, **VERSION})
    assert response.status_code == 200


@pytest.mark.validated
@pytest.mark.parametrize(
    ("resource", "betas", "status", "message"),
    [
        ("agents", None, 404, "not found"),
        ("agents", "unknown", 404, "not found"),
        ("agents", MANAGED, 200, ""),
        ("agents", f"{MANAGED},unknown", 200, ""),
        ("agents", ENVIRONMENTS, 404, "not found"),
        ("sessions", None, 404, "not found"),
        ("sessions", "unknown", 404, "not found"),
        ("sessions", MANAGED, 200, ""),
        ("sessions", f"{MANAGED},unknown", 200, ""),
        ("sessions", ENVIRONMENTS, 404, "not found"),
        ("environments", None, 404, NO_ENVIRONMENTS),
        ("environments", MANAGED, 200, ""),
        ("environments", f"{MANAGED},unknown", 400, unexpected("unknown")),
        ("environments", f"{MANAGED},{ENVIRONMENTS}", 400, ONE_BETA),
    ],
)
def test_beta_gates(
    bare: httpx2.Client, server: RunningServer, resource: str, betas: str | None, status: int, message: str
) -> None:
    """facts 1.3: the table of gates."""
    headers = {"x-api-key": server.api_key, **VERSION, **({"anthropic-beta": betas} if betas else {})}
    response = bare.get(f"/v1/{resource}", headers=headers)
    if status == 200:
        assert (response.status_code, set(response.json()) - {"prev_page"}) == (200, {"data", "next_page"})
    else:
        kind = "not_found_error" if status == 404 else "invalid_request_error"
        assert answered(response) == (status, kind, message)


@pytest.mark.validated
def test_environments_legacy_list(bare: httpx2.Client, server: RunningServer, client: Anthropic) -> None:
    """facts 1.3: with the environments beta alone, the list has its older shape."""
    environment_id = client.beta.environments.create(name="newest").id
    headers = {"x-api-key": server.api_key, "anthropic-beta": ENVIRONMENTS, **VERSION}
    body = bare.get("/v1/environments", headers=headers).json()
    assert set(body) == {"data", "first_id", "has_more", "last_id"}
    assert environment_id in [item["id"] for item in body["data"]]
    assert (body["first_id"], body["last_id"]) == (body["data"][0]["id"], body["data"][-1]["id"])


@pytest.mark.documented
def test_several_beta_headers_are_one_list(bare: httpx2.Client, server: RunningServer) -> None:
    """facts 1.3: the header may be repeated; its values are joined."""
    headers = [("x-api-key", server.api_key), ("anthropic-beta", "unknown"), ("anthropic-beta", MANAGED)]
    assert bare.get("/v1/agents", headers=[*headers, *VERSION.items()]).status_code == 200


@pytest.mark.documented
def test_the_beta_parameter_is_ignored(http: httpx2.Client) -> None:
    """facts 1.5: the SDK appends `?beta=true` to its URLs."""
    assert http.get("/v1/agents?beta=true&limit=1").status_code == 200


@pytest.mark.documented
def test_whose_answer_it_is(http: httpx2.Client, bare: httpx2.Client) -> None:
    """facts 1.8: organization and workspace only after authentication; a `request-id` always."""
    known, unknown = http.get("/v1/agents"), bare.get("/v1/agents")
    for name in ("anthropic-organization-id", "anthropic-workspace-id"):
        assert known.headers[name]
        assert name not in unknown.headers
    assert known.headers["request-id"].startswith("req_01")
    assert known.headers["request-id"] != unknown.headers["request-id"]


@pytest.mark.ours_only
def test_health(bare: httpx2.Client) -> None:
    """`GET /health` answers without a key."""
    assert bare.get("/health").status_code == 200
