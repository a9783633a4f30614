"""Memory stores, memories and their versions through the API (facts 19; the page on memory)."""

import hashlib
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, ConflictError, NotFoundError

from .test_errors import refused
from .test_gates import answered

pytestmark = pytest.mark.documented


@pytest.fixture
def store(client: Anthropic) -> str:
    return client.beta.memory_stores.create(name="Notes").id


@pytest.fixture(scope="session")
def memory_http(server: Any) -> Any:
    headers = {
        "x-api-key": server.api_key, "anthropic-version": "2023-06-01", "anthropic-beta": "agent-memory-2026-07-22",
    }  # fmt: skip
    with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


def paths(client: Anthropic, store: str, **query: Any) -> list[str]:
    return [item.path for item in client.beta.memory_stores.memories.list(store, **query)]


def test_life(client: Anthropic) -> None:
    """facts 19.1, 19.4: made, changed, archived (one way, idempotent), deleted."""
    stores = client.beta.memory_stores
    made = stores.create(name="Demo Memory", metadata={"a": "1"})
    assert made.to_dict(mode="json") == {
        "id": made.id, "type": "memory_store", "name": "Demo Memory", "description": "", "metadata": {"a": "1"},
        "created_at": made.to_dict(mode="json")["created_at"], "updated_at": made.to_dict(mode="json")["created_at"],
        "archived_at": None,
    }  # fmt: skip
    changed = stores.update(made.id, description="What is known", metadata={"a": None, "b": "2"})
    assert (changed.name, changed.description, changed.metadata) == ("Demo Memory", "What is known", {"b": "2"})
    assert stores.update(made.id, description="").description == ""
    memory = stores.memories.create(made.id, path="/a.md", content="x")
    archived = stores.archive(made.id)
    assert archived.archived_at
    assert stores.archive(made.id) == archived
    with pytest.raises(Exception, match="is archived"):
        stores.memories.create(made.id, path="/b.md", content="x")
    assert stores.memories.retrieve(memory.id, memory_store_id=made.id).content == "x"
    assert made.id not in [each.id for each in stores.list(limit=100)]
    assert made.id in [each.id for each in stores.list(limit=100, include_archived=True)]
    assert stores.delete(made.id).to_dict() == {"id": made.id, "type": "memory_store_deleted"}
    with pytest.raises(NotFoundError):
        stores.retrieve(made.id)


def test_memories(client: Anthropic, store: str) -> None:
    """facts 19.2, 19.3: basic views have no content; create never overwrites; a rename keeps the id."""
    memories = client.beta.memory_stores.memories
    made = memories.create(store, path="/notes/a.md", content="grün")
    assert (made.content, made.content_size_bytes) == (None, 5)
    assert made.content_sha256 == hashlib.sha256("grün".encode()).hexdigest()
    assert memories.retrieve(made.id, memory_store_id=store).content == "grün"
    with pytest.raises(ConflictError) as caught:
        memories.create(store, path="/notes/a.md", content="other")
    assert caught.value.body["error"]["type"] == "memory_path_conflict_error"  # pyright: ignore
    for path in ("/notes", "/notes/a.md/below"):
        with pytest.raises(ConflictError):
            memories.create(store, path=path, content="")
    moved = memories.update(made.id, memory_store_id=store, path="/b.md", view="full")
    assert (moved.id, moved.path, moved.content) == (made.id, "/b.md", "grün")
    assert memories.create(store, path="/notes", content="").path == "/notes"
    same = memories.update(made.id, memory_store_id=store, content="grün")
    assert same.memory_version_id == moved.memory_version_id
    assert memories.delete(made.id, memory_store_id=store).to_dict() == {"id": made.id, "type": "memory_deleted"}
    with pytest.raises(NotFoundError):
        memories.retrieve(made.id, memory_store_id=store)


def test_preconditions(client: Anthropic, store: str) -> None:
    """facts 19.2: an update or a delete of what has changed meanwhile is a 409, and changes nothing."""
    memories = client.beta.memory_stores.memories
    made = memories.create(store, path="/a", content="one")
    stale: Any = {"type": "content_sha256", "content_sha256": "0" * 64}
    with pytest.raises(ConflictError) as caught:
        memories.update(made.id, memory_store_id=store, content="two", precondition=stale)
    assert caught.value.body["error"]["type"] == "memory_precondition_failed_error"  # pyright: ignore
    with pytest.raises(ConflictError):
        memories.delete(made.id, memory_store_id=store, expected_content_sha256="0" * 64)
    fresh: Any = {"type": "content_sha256", "content_sha256": made.content_sha256}
    changed = memories.update(made.id, memory_store_id=store, content="two", precondition=fresh)
    memories.delete(made.id, memory_store_id=store, expected_content_sha256=changed.content_sha256)


def test_lists(client: Anthropic, store: str) -> None:
    """facts 19.3: by path, whole segments of a prefix; depth 1 groups; a page of full views has 20 at most."""
    memories = client.beta.memory_stores.memories
    names = ["/a", "/notes/x", "/notes/y/1", "/notes/y/2", "/notes-old/z", *(f"/many/{n:02}" for n in range(25))]
    for name in names:
        memories.create(store, path=name, content="c")
    assert paths(client, store, limit=3) == sorted(names)
    assert paths(client, store, path_prefix="/notes/") == ["/notes/x", "/notes/y/1", "/notes/y/2"]
    top = ["/a", "/many/", "/notes-old/", "/notes/"]
    assert paths(client, store, depth=1) == top == paths(client, store, depth=1, limit=1)
    assert paths(client, store, depth=1, path_prefix="/notes/") == ["/notes/x", "/notes/y/"]
    full = memories.list(store, path_prefix="/many/", view="full", limit=100)
    assert (len(full.data), {item.to_dict()["content"] for item in full.data}) == (20, {"c"})
    assert len(list(full)) == 25


def test_versions(client: Anthropic, store: str) -> None:
    """facts 19.4: one a change, newest first, also after the memory is deleted; who made it; redaction."""
    memories, versions = client.beta.memory_stores.memories, client.beta.memory_stores.memory_versions
    made = memories.create(store, path="/a", content="planted")
    memories.update(made.id, memory_store_id=store, content="two")
    live = memories.retrieve(made.id, memory_store_id=store).memory_version_id
    first = made.memory_version_id
    with pytest.raises(Exception, match="cannot be redacted"):
        versions.redact(live, memory_store_id=store)
    memories.delete(made.id, memory_store_id=store)
    listed = list(versions.list(store, memory_id=made.id, limit=1))
    assert [each.operation for each in listed] == ["deleted", "modified", "created"]
    assert [each.path for each in listed] == ["/a"] * 3
    assert (listed[0].content_sha256, listed[2].content) == (None, None)
    assert listed[0].created_by and listed[0].created_by.type == "api_actor"
    key = listed[0].created_by.api_key_id
    assert len(list(versions.list(store, api_key_id=key))) == 3
    assert [each.id for each in versions.list(store, operation="created")] == [first]
    assert versions.retrieve(first, memory_store_id=store).content == "planted"
    redacted = versions.redact(first, memory_store_id=store)
    assert redacted.redacted_at
    assert versions.redact(first, memory_store_id=store) == redacted
    found = versions.retrieve(first, memory_store_id=store)
    assert (found.content, found.path, found.content_sha256, found.content_size_bytes) == (None,) * 4
    assert found.redacted_by and found.redacted_by.to_dict() == {"type": "api_actor", "api_key_id": key}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"path": "a", "content": "x"}, "path"),
        ({"path": "/", "content": "x"}, "path"),
        ({"path": "/a//b", "content": "x"}, "path"),
        ({"path": "/a/../b", "content": "x"}, "path"),
        ({"path": "/" + "/".join("a" * 21), "content": "x"}, "path"),
        ({"path": "/" + "a" * 1024, "content": "x"}, "path"),
        ({"path": "/a\u0007", "content": "x"}, "path"),
        ({"path": "/a\u202e", "content": "x"}, "path"),
        ({"path": "/e\u0301", "content": "x"}, "path"),
        ({"path": "/a", "content": "x" * 102_401}, "content"),
        ({"path": "/a"}, "content"),
        ({"path": "/a", "content": "x", "more": 1}, "more"),
    ],
)
def test_refused_memories(memory_http: httpx2.Client, store: str, body: dict[str, Any], field: str) -> None:
    """facts 19.1."""
    assert field in refused(memory_http.post(f"/v1/memory_stores/{store}/memories", json=body))


def test_refused_queries(memory_http: httpx2.Client, store: str) -> None:
    for query, field in (("path_prefix=/notes", "path_prefix"), ("depth=2", "depth"), ("view=all", "view")):
        assert field in refused(memory_http.get(f"/v1/memory_stores/{store}/memories?{query}"))
    assert "name" in refused(memory_http.post("/v1/memory_stores", json={"name": ""}))
    assert "description" in refused(
        memory_http.post("/v1/memory_stores", json={"name": "a", "description": "x" * 1025})
    )


def test_betas(server: Any, bare: httpx2.Client) -> None:
    """facts 1: their own beta, or the one before it, and not both."""
    headers = {"x-api-key": server.api_key, "anthropic-version": "2023-06-01"}
    both = "agent-memory-2026-07-22,managed-agents-2026-04-01"
    for betas, status in (("agent-memory-2026-07-22", 200), ("managed-agents-2026-04-01", 200), (both, 400), ("", 404)):
        found = bare.get("/v1/memory_stores", headers={**headers, "anthropic-beta": betas})
        assert (found.status_code if found.status_code == 200 else answered(found)[0]) == status
