"""Dreams through the API, run by sessions that read real transcripts in real sandboxes (facts 20; the page on
dreams)."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError, ConflictError, NotFoundError
from server import RunningServer, start_server

from .conversation import message
from .test_errors import refused
from .test_gates import answered

pytestmark = pytest.mark.documented

DREAMING = "dreaming-2026-04-21"
ENDED = ("completed", "failed", "canceled")
PLACE = "/mnt/memory/preferences"


@pytest.fixture(scope="session")
def dream_http(server: RunningServer) -> Any:
    headers = {"x-api-key": server.api_key, "anthropic-version": "2023-06-01", "anthropic-beta": DREAMING}
    with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


class Night:
    """A store, sessions with something to tell, and dreams over them."""

    def __init__(self, client: Anthropic, *said: str, **files: str) -> None:
        self.client = client
        beta = client.beta
        self.store = beta.memory_stores.create(name="Preferences", description="Of the team.").id
        for path, content in files.items():
            beta.memory_stores.memories.create(self.store, path=f"/{path}.md", content=content)
        agent = beta.agents.create(name="past", model="scripted").id
        environment = beta.environments.create(name="past").id
        self.sessions: list[str] = [
            beta.sessions.create(
                agent=agent,
                environment_id=environment,
                title=f"Number {number}",
                initial_events=[message(text)],  # pyright: ignore[reportArgumentType]
            ).id
            for number, text in enumerate(said or ["SCRIPT: text I like tabs"])
        ]
        for session in self.sessions:
            wait_until(lambda session=session: beta.sessions.retrieve(session).status == "idle")

    def dream(self, script: str | None = None, **fields: Any) -> str:
        inputs: Any = [
            {"type": "memory_store", "memory_store_id": self.store},
            {"type": "sessions", "session_ids": self.sessions},
        ]
        if script is not None:
            fields["instructions"] = f"SCRIPT: {script} #id={self.store}"
        return self.client.beta.dreams.create(**{"inputs": inputs, "model": "scripted", **fields}).id

    def get(self, dream: str) -> dict[str, Any]:
        return self.client.beta.dreams.retrieve(dream).to_dict(mode="json")

    def ended(self, dream: str) -> dict[str, Any]:
        wait_until(lambda: self.get(dream)["status"] in ENDED)
        return self.get(dream)

    def results(self, dream: dict[str, Any]) -> list[str]:
        """What the commands of its session printed."""
        events = self.events(dream, "agent.tool_result")
        return ["".join(block["text"] for block in event["content"]) for event in events]

    def events(self, dream: dict[str, Any], *types: str) -> list[dict[str, Any]]:
        found = self.client.beta.sessions.events.list(dream["session_id"], types=types)  # pyright: ignore
        return [event.to_dict(mode="json") for event in found]

    def begun(self, dream: str) -> dict[str, Any]:
        """Once a command of it runs."""
        wait_until(lambda: self.get(dream)["session_id"] is not None)
        wait_until(lambda: self.events(self.get(dream), "agent.tool_use"))
        return self.get(dream)

    def contents(self, store: str) -> dict[str, str]:
        found = self.client.beta.memory_stores.memories.list(store, view="full")
        return {item.path: str(item.to_dict()["content"]) for item in found}


def wait_until(holds: Callable[[], object]) -> None:
    ended = threading.Event()
    for _ in range(400):
        if holds():
            return
        ended.wait(0.05)
    raise AssertionError("it did not come")


def in_place(store: str) -> dict[str, Any]:
    return {"type": "update_existing", "memory_store_id": store}


def test_a_new_store(client: Anthropic) -> None:
    """The result is in a copy; the input is as it was. Usage is the session's, which is archived and can be read."""
    night = Night(client, a="tabs", b="tabs")
    script = (
        f"bash cd {PLACE}; cat a.md b.md; rm b.md; printf 'tabs, always' >a.md; mkdir how; printf x >how/c.md"
        f" | bash ls -R {PLACE}; curl -sS -m 5 https://example.com | text Merged."
    )
    dream = night.ended(night.dream(script))
    assert (dream["status"], dream["error"]) == ("completed", None)
    ((output,),) = (dream["outputs"],)
    assert night.contents(output["memory_store_id"]) == {"/a.md": "tabs, always", "/how/c.md": "x"}
    assert night.contents(night.store) == {"/a.md": "tabs", "/b.md": "tabs"}
    store = client.beta.memory_stores.retrieve(output["memory_store_id"])
    assert (store.name, store.description) == ("Preferences", "Of the team.")
    versions = client.beta.memory_stores.memory_versions.list(store.id, session_id=dream["session_id"])
    assert sorted((each.operation, each.path) for each in versions) == [
        ("created", "/a.md"), ("created", "/b.md"), ("created", "/how/c.md"), ("deleted", "/b.md"),
        ("modified", "/a.md"),
    ]  # fmt: skip
    read, listed = night.results(dream)
    assert read == "tabstabs"
    assert "example.com is not one of the hosts" in listed, "there is no way out of a dream"
    session = client.beta.sessions.retrieve(dream["session_id"])
    assert (session.status, session.archived_at is None) == ("terminated", False)
    assert session.title == f"Dream {dream['id']}"
    spans = night.events(dream, "span.model_request_end")
    assert dream["usage"] == {
        name: sum(span["model_usage"][name] for span in spans)
        for name in (
            "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"
        )
    }  # fmt: skip
    assert dream["usage"]["input_tokens"] > 0
    assert session.agent.id not in [agent.id for agent in client.beta.agents.list(limit=100, include_archived=True)]


def test_transcripts(client: Anthropic) -> None:
    """Each session is a directory of pages that are read with the tools; together they hold all that was said."""
    words = " ".join(f"word{number}" for number in range(20_000))
    night = Night(client, f"SCRIPT: text short\n{words}", "SCRIPT: text second && think deeply")
    script = (
        "bash cat /mnt/transcripts/INDEX.txt; wc -c /mnt/transcripts/*/*.txt|sort -n|tail -2|head -1"
        f" | bash cat /mnt/transcripts/{night.sessions[0]}/*.txt|tr -d '\\n'|grep -o word19999; "
        f"cat /mnt/transcripts/{night.sessions[0]}/*.txt|tr -d '\\n'|grep -oE 'word[0-9]+'|sort -u|wc -l"
        f' | tool read {{"file_path": "/mnt/transcripts/{night.sessions[1]}/0001.txt"}}'
        f' | tool read {{"file_path": "/mnt/transcripts/{night.sessions[0]}/0002.txt"}} | text done'
    )
    dream = night.ended(night.dream(script))
    index, all_words, second, page = night.results(dream)
    lines = index.splitlines()
    for number, (session, pages) in enumerate(zip(night.sessions, (5, 1), strict=True)):
        (line,) = [line for line in lines if line.startswith(session)]
        assert f": {pages} pages, begun " in line
        assert line.endswith(f"titled Number {number}")
    assert int(lines[-1].split()[0]) <= 41_000, "a page is worth a call"
    assert all_words.split() == ["word19999", "20000"]
    assert "SCRIPT: text second && think deeply" in second
    assert second.rstrip().endswith("second")
    assert "word" in page
    assert "truncated" not in page


def test_what_it_is_told(client: Anthropic) -> None:
    """The task and the instructions are its first message; the store stands among the session's resources."""
    night = Night(client)
    dream = night.ended(night.dream(instructions="Keep what is about tabs."))
    (first,) = night.events(dream, "user.message")
    (block,) = first["content"]
    assert "/mnt/transcripts" in block["text"]
    assert block["text"].endswith("\n\nKeep what is about tabs.")
    session = client.beta.sessions.retrieve(dream["session_id"]).to_dict(mode="json")
    (resource,) = session["resources"]
    assert (resource["mount_path"], resource["access"]) == (PLACE, "read_write")
    assert resource["memory_store_id"] == dream["outputs"][0]["memory_store_id"]
    assert "Dreamer" in session["agent"]["name"]
    assert dream["model"] == {"id": "scripted", "speed": "standard"}


def test_the_same_store(client: Anthropic) -> None:
    """update_existing: each change is a version of the session's. Another such dream meanwhile is a 409."""
    night = Night(client, a="tabs", b="stale")
    script = f"bash cd {PLACE}; rm b.md; printf spaces >a.md; until [ -e go.md ]; do sleep 0.1; done | text done"
    dream = night.dream(script, output_behavior=in_place(night.store))
    running = night.begun(dream)
    assert running["outputs"] == [{"type": "memory_store", "memory_store_id": night.store}]
    assert running["output_behavior"] == in_place(night.store)
    with pytest.raises(ConflictError) as caught:
        night.dream(output_behavior=in_place(night.store))
    assert caught.value.body["error"] == {  # pyright: ignore
        "type": "conflict_error",
        "message": f"output_behavior.memory_store_id: dream {dream} still updates memory store {night.store}",
    }
    client.beta.memory_stores.memories.create(night.store, path="/go.md", content="now")
    ended = night.ended(dream)
    assert (ended["status"], ended["outputs"]) == ("completed", running["outputs"])
    assert night.contents(night.store) == {"/a.md": "spaces", "/go.md": "now"}
    versions = client.beta.memory_stores.memory_versions.list(night.store, session_id=ended["session_id"])
    assert sorted((each.operation, each.path) for each in versions) == [("deleted", "/b.md"), ("modified", "/a.md")]
    assert night.ended(night.dream(output_behavior=in_place(night.store)))["status"] == "completed"


def test_watched(client: Anthropic) -> None:
    """While it runs, its session can be listened to; nobody but the dream gives it orders."""
    night = Night(client)
    dream = night.begun(night.dream(f"bash until [ -e {PLACE}/go.md ]; do sleep 0.1; done | text done"))
    assert dream["status"] == "running"
    assert dream["usage"]["output_tokens"] > 0
    session = dream["session_id"]
    with client.beta.sessions.events.stream(session, timeout=30) as stream:
        for event in (message("Stop that."), {"type": "user.interrupt"}):
            with pytest.raises(BadRequestError, match=f"runs dream {dream['id']} and accepts no events"):
                client.beta.sessions.events.send(session, events=[event])  # pyright: ignore
        for act in (client.beta.sessions.archive, client.beta.sessions.delete):
            with pytest.raises(BadRequestError):
                act(session)
        output = dream["outputs"][0]["memory_store_id"]
        client.beta.memory_stores.memories.create(output, path="/go.md", content="now")
        heard = [event.type for event in stream]
    assert heard[-1] == "session.status_idle", "the stream ends as the session is archived"
    assert night.ended(dream["id"])["status"] == "completed"


def test_cancel(client: Anthropic) -> None:
    """At once; what was written stays; the session is interrupted and archived. Again is the same."""
    night = Night(client, a="tabs")
    dream = night.dream(f"bash printf partly >{PLACE}/b.md | bash sleep 300 | text never")
    wait_until(lambda: night.get(dream)["session_id"] and len(night.events(night.get(dream), "agent.tool_use")) == 2)
    canceled = client.beta.dreams.cancel(dream).to_dict(mode="json")
    assert (canceled["status"], canceled["error"]) == ("canceled", None)
    assert canceled["ended_at"] is not None
    session = canceled["session_id"]
    wait_until(lambda: client.beta.sessions.retrieve(session).status == "terminated")
    assert client.beta.dreams.cancel(dream).to_dict(mode="json")["ended_at"] == canceled["ended_at"]
    assert night.contents(canceled["outputs"][0]["memory_store_id"]) == {"/a.md": "tabs", "/b.md": "partly"}
    assert [event["type"] for event in night.events(canceled, "user.interrupt")] == ["user.interrupt"]
    archived = client.beta.dreams.archive(dream)
    assert (archived.status, archived.archived_at is None) == ("canceled", False)
    assert client.beta.dreams.archive(dream) == archived


def test_over(client: Anthropic) -> None:
    """400 for canceling what is completed or failed, and for archiving what runs."""
    night = Night(client)
    done = night.ended(night.dream())["id"]
    failed = night.ended(night.dream("{status=400,times=0} text never"))["id"]
    for dream, status in ((done, "completed"), (failed, "failed")):
        told = f'Dream {dream} cannot be canceled while its status is "{status}"'
        with pytest.raises(BadRequestError, match=told):
            client.beta.dreams.cancel(dream)
        assert client.beta.dreams.archive(dream).status == status
    running = night.begun(night.dream("bash sleep 300 | text never"))["id"]
    with pytest.raises(BadRequestError, match=f'Dream {running} cannot be archived while its status is "running"'):
        client.beta.dreams.archive(running)
    client.beta.dreams.cancel(running)


def test_failed(client: Anthropic) -> None:
    """What the model's provider says is the dream's error; what was written before stays."""
    night = Night(client)
    script = f"bash printf partly >{PLACE}/b.md | {{status=400,times=0}} text never"
    dream = night.ended(night.dream(script))
    assert (dream["status"], dream["error"]["type"]) == ("failed", "internal_error")
    assert "injected 400" in dream["error"]["message"]
    assert night.contents(dream["outputs"][0]["memory_store_id"]) == {"/b.md": "partly"}
    assert client.beta.sessions.retrieve(dream["session_id"]).status == "terminated"


def test_overloaded(client: Anthropic) -> None:
    """A dream is a session: what passes is waited for."""
    night = Night(client)
    assert night.ended(night.dream("{status=529,times=2} text at last"))["status"] == "completed"


def test_inputs_that_go(client: Anthropic) -> None:
    """A session that is deleted fails the dream, and cuts what it does; so does the store that it writes to."""
    night = Night(client)
    copying, updating = night.dream("bash sleep 300 | text never"), ""
    night.begun(copying)
    updating = night.dream("bash sleep 301 | text never", output_behavior=in_place(night.store))
    night.begun(updating)
    client.beta.memory_stores.archive(night.store)
    error = night.ended(updating)["error"]
    told = f"The memory store {night.store} was archived."
    assert error == {"type": "input_memory_store_unavailable", "message": told}
    assert night.get(copying)["status"] == "running"
    client.beta.sessions.delete(night.sessions[0])
    dream = night.ended(copying)
    told = f"The session {night.sessions[0]} was deleted."
    assert dream["error"] == {"type": "input_session_unavailable", "message": told}
    for each in (copying, updating):
        session = night.get(each)["session_id"]
        wait_until(lambda session=session: client.beta.sessions.retrieve(session).status == "terminated")


def test_waiting(tmp_path: Path) -> None:
    """With one at a time the second is pending, in which it can be canceled; the third begins after the first."""
    with (
        start_server(tmp_path, dreams={"at_once": 1}) as server,
        Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client,
    ):
        night = Night(client)
        first = night.dream("bash sleep 300 | text never")
        night.begun(first)
        second, third = night.dream(), night.dream()
        canceled = client.beta.dreams.cancel(second)
        assert (canceled.status, canceled.session_id, canceled.outputs) == ("canceled", None, [])
        assert canceled.usage.input_tokens == 0
        with pytest.raises(BadRequestError, match='"pending"'):
            client.beta.dreams.archive(third)
        assert night.get(third)["status"] == "pending"
        client.beta.dreams.cancel(first)
        assert night.ended(third)["status"] == "completed"


def test_timeout(tmp_path: Path) -> None:
    with (
        start_server(tmp_path, dreams={"timeout": "2s"}) as server,
        Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client,
    ):
        night = Night(client)
        dream = night.ended(night.dream("bash sleep 300 | text never"))
        assert dream["error"] == {"type": "timeout", "message": "The dream ran for more than 2 seconds."}
        wait_until(lambda: client.beta.sessions.retrieve(dream["session_id"]).status == "terminated")


def test_a_new_sandbox(tmp_path: Path) -> None:
    """What was laid out and written is there again where the first sandbox is gone."""
    script = (
        f"bash cat /mnt/transcripts/*/0001.txt; printf partly >{PLACE}/b.md"
        f" | {{ttft=2}} bash cat /mnt/transcripts/*/0001.txt {PLACE}/b.md | text done"
    )
    with (
        start_server(tmp_path) as server,
        Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as client,
    ):
        night = Night(client)
        dream = night.dream(script)
        running = night.begun(dream)
        wait_until(lambda: night.results(running))
    with (
        start_server(tmp_path) as server,
        Anthropic(base_url=server.url, api_key=server.api_key, max_retries=0) as night.client,
    ):
        ended = night.ended(dream)
        first, second = night.results(ended)
        assert ended["status"] == "completed"
        assert "I like tabs" in first
        assert second == first + "partly"
        assert night.contents(ended["outputs"][0]["memory_store_id"]) == {"/b.md": "partly"}


def test_lists(client: Anthropic) -> None:
    """facts 4.5: newest first, in pages; archived ones on demand; by status and by time."""
    night = Night(client)
    made = [night.dream() for _ in range(3)][::-1]
    for each in made:
        night.ended(each)
    client.beta.dreams.archive(made[0])
    since = night.get(made[-1])["created_at"]

    def listed(**query: Any) -> list[str]:
        return [each.id for each in client.beta.dreams.list(**query) if each.id in made]

    assert listed() == made[1:]
    assert listed(limit=1) == made[1:]
    assert listed(include_archived=True) == made
    assert listed(statuses=["failed", "completed"]) == made[1:]
    assert listed(statuses=["running"]) == []
    assert listed(created_at_gt=since) == made[1:2]
    assert listed(created_at_lt=since) == []


def test_errors(client: Anthropic, http: httpx2.Client, dream_http: httpx2.Client, bare: httpx2.Client) -> None:
    """facts 1.3, 1.5, 2: the beta gate; what is missing is named by its field."""
    assert answered(bare.get("/v1/dreams"))[0] == 401
    assert answered(http.get("/v1/dreams")) == (404, "not_found_error", "not found")
    assert dream_http.get("/v1/dreams").status_code == 200
    for path in ("/v1/dreams/drm_011CZkZAtmR3yMPDzynEDxu7", "/v1/dreams/nothing"):
        assert answered(dream_http.get(path)) == (404, "not_found_error", "Dream not found.")
        for act in ("cancel", "archive"):
            assert answered(dream_http.post(f"{path}/{act}"))[0] == 404
    night = Night(client)
    store = {"type": "memory_store", "memory_store_id": night.store}
    sessions = {"type": "sessions", "session_ids": [night.sessions[0], "sesn_011CZkZAtmR3yMPDzynEDxu7"]}
    body: dict[str, Any] = {"inputs": [sessions, store], "model": "scripted"}
    told = "inputs.0.session_ids.1: session sesn_011CZkZAtmR3yMPDzynEDxu7 not found"
    assert answered(dream_http.post("/v1/dreams", json=body)) == (404, "not_found_error", told)
    sessions["session_ids"] = night.sessions
    assert refused(dream_http.post("/v1/dreams", json={**body, "model": "gpt-none"})).startswith("model: No model")
    client.beta.memory_stores.archive(night.store)
    told = f"inputs.1.memory_store_id: memory store {night.store} is archived"
    assert refused(dream_http.post("/v1/dreams", json=body)) == told
    client.beta.memory_stores.delete(night.store)
    with pytest.raises(NotFoundError, match=f"inputs.0.memory_store_id: memory store {night.store} not found"):
        night.dream()
