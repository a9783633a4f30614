"""Errors and their envelope (facts 2)."""

import json

import httpx2
import pytest

from .test_gates import answered

LARGE = 32 * 1024 * 1024 + 1


def refused(response: httpx2.Response) -> str:
    """The message of a 400."""
    status, kind, message = answered(response)
    assert (status, kind) == (400, "invalid_request_error")
    return message


@pytest.mark.validated
@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/agents/nothing", "/v1/agents/agent_011CZkZAtmR3yMPDzynEDxu7", "/v1/sessions?limit=x"]
)
def test_envelope(http: httpx2.Client, path: str) -> None:
    """facts 2.1, 1.8: type, error, request id; the id is the header's."""
    assert answered(http.get(path))[0] in (400, 404)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/agents"), ("DELETE", "/v1/agents"), ("PATCH", "/v1/sessions")]
)
def test_wrong_method(http: httpx2.Client, method: str, path: str) -> None:
    """facts 1.8, 2.2: a method that a route does not have is a 405 in the envelope."""
    assert answered(http.request(method, path))[:2] == (405, "invalid_request_error")


@pytest.mark.documented
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
def test_declared_too_large(http: httpx2.Client, path: str) -> None:
    """facts 2.6: more than 32 MB is a 413."""
    body = b'{"name": "' + b"x" * LARGE + b'"}'
    assert answered(http.post(path, content=body))[:2] == (413, "request_too_large")


@pytest.mark.documented
def test_too_large_as_it_comes(http: httpx2.Client) -> None:
    """facts 2.6: the limit also holds for a body whose length is not declared."""
    pieces = iter([b"x" * (1024 * 1024)] * 33)
    assert answered(http.post("/v1/agents", content=pieces))[:2] == (413, "request_too_large")


@pytest.mark.validated
@pytest.mark.parametrize("path", ["/v1/agents", "/v1/environments", "/v1/sessions"])
def test_unknown_fields(http: httpx2.Client, path: str) -> None:
    """facts 2.7: an unknown field of a body is a 400 that names it."""
    message = refused(http.post(path, json={"client_id": "x"}))
    assert message == 'Failed to parse request body: unknown field "client_id"'


@pytest.mark.documented
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b'{"name": NaN}'])
def test_what_is_no_object(http: httpx2.Client, body: bytes) -> None:
    """facts 2.2: what is no JSON object is a 400."""
    refused(http.post("/v1/agents", content=body))


@pytest.mark.validated
def test_parse_stage_message(http: httpx2.Client) -> None:
    """facts 2.7: a bad value is named by a bracketed path, with the values that would do."""
    toolset = {"type": "agent_toolset_20260401", "configs": [{"name": "find"}]}
    message = refused(http.post("/v1/agents", json={"name": "a", "model": "scripted", "tools": [toolset]}))
    names = "bash, edit, glob, grep, read, web_fetch, web_search, write"
    assert message == (
        f'Failed to parse request: tools[0].configs[0].name: "find" is not a valid value; expected one of {names}'
    )


@pytest.mark.validated
def test_semantic_stage_message(http: httpx2.Client) -> None:
    """facts 2.7: what contradicts itself is named by a dotted path with the union's tag."""
    toolset = {"type": "agent_toolset_20260401", "configs": [{"name": "bash"}, {"name": "bash"}]}
    message = refused(http.post("/v1/agents", json={"name": "a", "model": "scripted", "tools": [toolset]}))
    assert message == ('tools.0.agent_toolset_20260401.configs.1: duplicate entry for tool "AGENT_TOOL_NAME_BASH"')
    twice = [{"type": "agent_toolset_20260401"}] * 2
    message = refused(http.post("/v1/agents", json={"name": "a", "model": "scripted", "tools": twice}))
    assert message == "tools.1.agent_toolset_20260401: duplicate entry; at most one agent_toolset_20260401 is allowed"


@pytest.mark.validated
def test_event_type_message(http: httpx2.Client, agent_id: str, environment_id: str) -> None:
    """facts 2.7: an event that cannot be an initial one."""
    event = {"type": "tool_confirmation"}
    body = {"agent": agent_id, "environment_id": environment_id, "initial_events": [event]}
    message = refused(http.post("/v1/sessions", json=body))
    assert '"tool_confirmation" is not a valid value' in message


@pytest.mark.validated
def test_error_code(http: httpx2.Client) -> None:
    """facts 2.5, 6.4: machine codes stand in `error.details.error_code`."""
    made = http.post("/v1/environments", json={"name": "cloud"}).json()
    response = http.post(f"/v1/environments/{made['id']}", json={"config": {"type": "self_hosted"}})
    body = response.json()
    assert (response.status_code, body["error"]["details"]) == (400, {"error_code": "invalid_config_type_change"})


@pytest.mark.documented
def test_content_type_does_not_matter(http: httpx2.Client) -> None:
    """facts 2.1: a JSON body is read as such, and answers are JSON."""
    body = json.dumps({"name": "plain"}).encode()
    response = http.post("/v1/environments", content=body, headers={"content-type": "text/plain"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
