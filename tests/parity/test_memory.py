"""Memory stores in sessions: directories that are the same as the store (facts 12.3, 19; the page on memory)."""

import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from anthropic import Anthropic
from server import start_server

from .conversation import TOOLSET, Conversation, listening

pytestmark = pytest.mark.documented


class Kept:
    """One memory store, as its client sees it."""

    def __init__(self, client: Anthropic, name: str, **files: str) -> None:
        self.client = client
        self.id = client.beta.memory_stores.create(name=name, description="What is known.").id
        self.files = client.beta.memory_stores.memories
        for path, content in files.items():
            self.files.create(self.id, path=f"/{path}", content=content)

    def contents(self) -> dict[str, str]:
        found = self.files.list(self.id, view="full")
        return {item.path: str(item.to_dict()["content"]) for item in found}

    def put(self, path: str, content: str) -> None:
        (memory,) = [item for item in self.files.list(self.id) if item.path == path and item.type == "memory"]
        self.files.update(memory.id, memory_store_id=self.id, content=content)


def session(client: Anthropic, environment_id: str, *stores: Kept, **fields: Any) -> str:
    agent = client.beta.agents.create(name="keeper", model="scripted", tools=[TOOLSET])  # pyright: ignore
    resources: Any = [{"type": "memory_store", "memory_store_id": store.id, **fields} for store in stores]
    return client.beta.sessions.create(agent=agent.id, environment_id=environment_id, resources=resources).id


def result(talk: Conversation, script: str) -> str:
    talk.say(f"SCRIPT: bash {script} | text done")
    events = talk.read_until("agent.tool_result")
    talk.read_until("session.status_idle")
    return "".join(block["text"] for block in events[-1]["content"])


def test_written_by_the_agent(client: Anthropic, environment_id: str) -> None:
    """By the time of the tool's result it is a version of the session's; renamed, changed and removed too."""
    store = Kept(client, "User Preferences!", **{"a.md": "one", "b.md": "two"})
    made = session(client, environment_id, store)
    place = "/mnt/memory/user-preferences"
    with listening(client, made) as talk:
        assert (
            result(talk, f"cd {place}; cat a.md b.md; mkdir sub; echo new >sub/c.md; echo 1 >>a.md; rm b.md")
            == "onetwo"
        )
        assert store.contents() == {"/a.md": "one1\n", "/sub/c.md": "new\n"}
        assert result(talk, "mv sub/c.md d.md; ls") == "a.md\nd.md\nsub\n"
        assert store.contents() == {"/a.md": "one1\n", "/d.md": "new\n"}
    versions = client.beta.memory_stores.memory_versions.list(store.id, session_id=made)
    told = [(each.operation, each.path) for each in versions]
    assert sorted(told) == [
        ("created", "/d.md"), ("created", "/sub/c.md"), ("deleted", "/b.md"), ("deleted", "/sub/c.md"),
        ("modified", "/a.md"),
    ]  # fmt: skip
    assert client.beta.sessions.retrieve(made).to_dict(mode="json")["resources"] == [
        {
            "type": "memory_store", "memory_store_id": store.id, "access": "read_write", "mount_path": place,
            "name": "User Preferences!", "description": "What is known.", "instructions": None,
        }
    ]  # fmt: skip


def test_written_by_others_while_a_tool_runs(client: Anthropic, environment_id: str) -> None:
    """Other sessions and clients: seen within a second, both ways."""
    store = Kept(client, "Shared", **{"a.md": "old"})
    place = "/mnt/memory/shared"
    with (
        listening(client, session(client, environment_id, store)) as one,
        listening(client, session(client, environment_id, store)) as other,
    ):
        result(one, f"ls {place}")
        loop = f"until grep -q new {place}/a.md; do sleep 0.1; done; echo seen >{place}/b.md; sleep 30"
        other.say(f"SCRIPT: bash {loop} | text x")
        other.read_until("agent.tool_use")
        store.put("/a.md", "new")
        wait_until(lambda: store.contents().get("/b.md") == "seen\n")
        assert result(one, f"cat {place}/a.md {place}/b.md") == "newseen\n"
        other.send({"type": "user.interrupt"})
        other.read_until("session.status_idle")


def running(mark: str) -> bool:
    """Whether a process has this in its command line."""
    return any(mark in " ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"]))


def wait_until(holds: Any) -> None:
    ended = threading.Event()
    for _ in range(200):
        if holds():
            return
        ended.wait(0.05)
    raise AssertionError("it did not come")


def test_both_have_changed(client: Anthropic, environment_id: str) -> None:
    """The store wins; what the agent wrote is kept beside it, and the result of its next call says so."""
    store = Kept(client, "Contested", **{"a.md": "old"})
    place, made = "/mnt/memory/contested", session(client, environment_id, store)
    with listening(client, made) as talk:
        result(talk, f"sh -c 'sleep 0.3; echo mine >{place}/a.md; : {made}' >/dev/null 2>&1 &")
        wait_until(lambda: not running(made))
        store.put("/a.md", "theirs")
        told = result(talk, f"cat {place}/a.md; cat {place}/a.md.conflict-*; ls {place}")
        assert told.startswith("theirsmine\na.md\na.md.conflict-"), told
        assert f"{place}/a.md was changed in the memory store meanwhile" in told
        assert store.contents() == {"/a.md": "theirs"}


def test_what_is_not_kept(client: Anthropic, environment_id: str, request: pytest.FixtureRequest) -> None:
    """The tool's result names it and says why; the next one of the same process does not repeat it."""
    store = Kept(client, "Small")
    place = "/mnt/memory/small"
    with listening(client, session(client, environment_id, store)) as talk:
        script = f"cd {place}; head -c 200000 /dev/zero >big.md; printf '\\377' >binary; echo fine >fine.md"
        told = result(talk, script)
        assert "/mnt/memory/small/big.md is not kept in the memory store: it has more than 102400 bytes" in told
        assert "/mnt/memory/small/binary is not kept in the memory store: it is not UTF-8 text" in told
        assert store.contents() == {"/fine.md": "fine\n"}
        assert "not kept" not in result(talk, "ls") or request.config.getoption("--many")
        client.beta.memory_stores.archive(store.id)
        assert "is archived" in result(talk, "echo more >>fine.md")
        assert store.contents() == {"/fine.md": "fine\n"}


def test_read_only(client: Anthropic, environment_id: str) -> None:
    """Writes fail in the sandbox; changes of the store are seen in it."""
    store = Kept(client, "Reference", **{"a/b.md": "one"})
    place = "/mnt/memory/reference"
    with listening(client, session(client, environment_id, store, access="read_only")) as talk:
        told = result(talk, f"cat {place}/a/b.md; echo x >{place}/a/b.md; echo y >{place}/new; rm -r {place}/a")
        assert told.startswith("one")
        assert told.count("Read-only file system") == 3
        store.put("/a/b.md", "two")
        store.files.create(store.id, path="/c", content="three")
        assert result(talk, f"cat {place}/a/b.md {place}/c") == "twothree"
    assert store.contents() == {"/a/b.md": "two", "/c": "three"}


def test_told_to_the_model(client: Anthropic, environment_id: str) -> None:
    """Filtering sessions by store; one that is gone or archived cannot be attached; eight at most."""
    stores = [Kept(client, "Same Name") for _ in range(9)]
    made = session(client, environment_id, *stores[:2])
    mounted = [each.to_dict()["mount_path"] for each in client.beta.sessions.retrieve(made).resources]
    assert mounted == ["/mnt/memory/same-name", "/mnt/memory/same-name-2"]
    found = client.beta.sessions.list(memory_store_id=stores[0].id)
    assert [each.id for each in found] == [made]
    for wrong in (stores, [stores[0], stores[0]]):
        with pytest.raises(Exception, match="resources"):
            session(client, environment_id, *wrong)
    client.beta.memory_stores.archive(stores[2].id)
    with pytest.raises(Exception, match="is archived"):
        session(client, environment_id, stores[2])


def test_a_new_sandbox_has_them_again(tmp_path: Path) -> None:
    """What a sandbox never had was not deleted by its agent: here the first one is gone, with its files."""
    with start_server(tmp_path) as server, Anthropic(base_url=server.url, api_key=server.api_key) as client:
        store = Kept(client, "Lasting", **{"a.md": "one"})
        made = session(client, client.beta.environments.create(name="one").id, store)
        with listening(client, made) as talk:
            assert result(talk, "cd /mnt/memory/lasting; cat *; echo two >b.md") == "one"
    with start_server(tmp_path) as server, Anthropic(base_url=server.url, api_key=server.api_key) as client:
        with listening(client, made) as talk:
            assert result(talk, "cat /mnt/memory/lasting/*") == "onetwo\n"
        found = client.beta.memory_stores.memories.list(store.id)
        assert [item.path for item in found] == ["/a.md", "/b.md"]
