"""The files of sessions (facts 7.15, 12.2, 13.2)."""

from typing import Any

import httpx2
import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import only
from .test_errors import refused
from .test_gates import answered

TOOLSET = [{"type": "agent_toolset_20260401"}]
UPLOADS = "/mnt/session/uploads"


@pytest.fixture
def file_id(client: Anthropic) -> str:
    return client.beta.files.upload(file=("data.csv", b"a,b\n1,2\n", "text/csv")).id


@pytest.fixture
def make(http: httpx2.Client, agent_id: str, environment_id: str) -> Any:
    def make(*resources: dict[str, Any]) -> httpx2.Response:
        body = {"agent": agent_id, "environment_id": environment_id, "resources": resources}
        return http.post("/v1/sessions", json=body)

    return make


@pytest.mark.validated
def test_a_session_has_copies(client: Anthropic, make: Any, file_id: str) -> None:
    """facts 7.15, 12.2, 13.2: the path is resolved, the copy is a file of its own and listed at once."""
    session = make(
        {"type": "file", "file_id": file_id, "mount_path": "/tmp/x.csv"}, {"type": "file", "file_id": file_id}
    ).json()
    listed = client.beta.sessions.resources.list(session["id"]).data
    assert [item.mount_path for item in listed] == [f"{UPLOADS}/tmp/x.csv", f"{UPLOADS}/{file_id}"]
    assert client.beta.sessions.retrieve(session["id"]).to_dict()["resources"] == [item.to_dict() for item in listed]
    assert set(session["resources"][0]) == {"id", "type", "file_id", "mount_path", "created_at", "updated_at"}
    copies = client.beta.files.list(scope_id=session["id"], betas=["managed-agents-2026-04-01"]).data
    assert {copy.id for copy in copies} == {item.file_id for item in listed}
    assert {(copy.filename, copy.downloadable) for copy in copies} == {("data.csv", False)}
    assert file_id not in {copy.id for copy in copies}
    first, second = client.beta.sessions.resources.list(session["id"], limit=1)
    assert [first, second] == listed
    assert client.beta.sessions.resources.retrieve(first.id, session_id=session["id"]) == first
    gone = client.beta.sessions.resources.delete(first.id, session_id=session["id"])
    assert gone.to_dict() == {"id": first.id, "type": "session_resource_deleted"}
    assert client.beta.sessions.resources.list(session["id"]).data == [second]
    client.beta.files.delete(file_id)
    assert client.beta.files.retrieve_metadata(second.file_id).filename == "data.csv"


@pytest.mark.validated
def test_where_a_file_cannot_be(http: httpx2.Client, make: Any, file_id: str) -> None:
    """facts 2: outside of the uploads, over another file; a file that is not there."""

    def at(*paths: str) -> httpx2.Response:
        return make(*({"type": "file", "file_id": file_id, "mount_path": path} for path in paths))

    assert refused(at("../probe.txt")) == 'Invalid file resource: mount path "../probe.txt" escapes /uploads/'
    overlap = "Invalid file resource: `mount_path` overlaps another resource: /uploads/"
    assert refused(at("dupe.txt", "/dupe.txt")) == overlap + "dupe.txt"
    assert refused(at("a", "a/b")) == overlap + "a/b"
    assert answered(make({"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}))[:2] == (404, "not_found_error")
    session = at("a").json()
    path = f"/v1/sessions/{session['id']}/resources"
    assert refused(http.post(path, json={"type": "file", "file_id": file_id, "mount_path": "a"})) == overlap + "a"
    token = {"authorization_token": "x"}
    assert "github_repository" in refused(http.post(f"{path}/{session['resources'][0]['id']}", json=token))
    assert answered(http.get(f"{path}/sesrsc_011CNha8iCJcU1wXNR6q4V8w"))[0] == 404
    assert answered(make({"type": "memory_store", "memory_store_id": "memstore_011CNha8iCJcU1wXNR6q4V8w"}))[0] == 404


@pytest.mark.documented
def test_files_are_there_for_the_next_call(converse: Converse, client: Anthropic, file_id: str) -> None:
    """facts 12.2: what is added to a session is in its sandbox before the next tool call, what is removed is not."""
    session = converse(tools=TOOLSET)
    look = 'SCRIPT: tool bash {"command": "grep -r . /mnt/session/uploads"} | text done'

    def seen() -> str:
        (result,) = only(session.turn(look), "agent.tool_result")
        return str(result["content"])

    add = client.beta.sessions.resources.add
    first = add(session.id, type="file", file_id=file_id, mount_path="/deep/down/a.csv")
    assert "a,b" in seen()
    second = add(session.id, type="file", file_id=file_id, mount_path="b.csv")
    client.beta.sessions.resources.delete(first.id, session_id=session.id)
    assert second.mount_path == f"{UPLOADS}/b.csv"
    shown = seen()
    assert "a,b" in shown
    assert "b.csv" in shown
    assert "a.csv" not in shown
