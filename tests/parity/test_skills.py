"""Skills (facts 14)."""

import io
import zipfile
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError, NotFoundError
from anthropic.types import Skill
from anthropic.types.skills import SkillVersion

from .conftest import Converse
from .conversation import only
from .test_errors import refused
from .test_gates import answered

TOOLSET = {"type": "agent_toolset_20260401"}
EARLY = {"anthropic-beta": "skills-2025-10-02"}
GONE = "skill_011CNha8iCJcU1wXNR6q4V8w"


def folder(name: str = "greeting", description: str = "How to greet.", word: str = "hello") -> list[tuple[str, bytes]]:
    head = f"---\nname: {name}\ndescription: {description}\n---\nRun scripts/greet.sh.\n"
    return [(f"{name}/SKILL.md", head.encode()), (f"{name}/scripts/greet.sh", f"#!/bin/sh\necho {word}\n".encode())]


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.fixture
def skill(client: Anthropic) -> Skill:
    return client.skills.create(files=folder())


@pytest.mark.documented
def test_a_skill_and_its_versions(client: Anthropic, http: httpx2.Client) -> None:
    """facts 14.2, 14.5: the shapes, the label, `latest`, the download; deleting removes all versions."""
    made = client.skills.create(files=[zipped(folder())])
    assert set(http.get(f"/v1/skills/{made.id}").json()) == set(Skill.model_fields)
    assert (made.display_name, made.source.type) == ("greeting", "custom")
    assert client.skills.create(files=[("greeting.zip", zipped(folder()))]).display_name == "greeting"
    assert client.beta.skills.create(files=folder(), display_name="Say hello").display_name == "Say hello"
    second = client.skills.versions.create(made.id, files=folder(description="Better."))
    assert set(http.get(f"/v1/skills/{made.id}/versions/{second.id}").json()) == set(SkillVersion.model_fields)
    assert (second.name, second.description, second.skill_id) == ("greeting", "Better.", made.id)
    assert client.skills.retrieve(made.id).latest_version_id == second.id
    assert client.skills.versions.retrieve("latest", skill_id=made.id) == second
    assert [each.id for each in client.skills.versions.list(made.id, limit=1)] == [made.latest_version_id, second.id]
    packed = client.beta.skills.versions.download(second.id, skill_id=made.id).read()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == dict(folder(description="Better."))
    deleted = client.skills.versions.delete(second.id, skill_id=made.id)
    assert deleted.to_dict() == {"id": second.id, "type": "skill_version_deleted"}
    assert client.skills.retrieve(made.id).latest_version_id == made.latest_version_id
    assert client.skills.delete(made.id).to_dict() == {"id": made.id, "type": "skill_deleted"}
    with pytest.raises(NotFoundError):
        client.skills.versions.retrieve(made.latest_version_id, skill_id=made.id)


@pytest.mark.documented
def test_what_is_refused(client: Anthropic, http: httpx2.Client, skill: Skill) -> None:
    """facts 14.3, 2.6, 2.9: names and folders, sizes, what cannot be changed."""

    def post(path: str, *files: tuple[str, bytes], **fields: str) -> httpx2.Response:
        return http.post(f"/v1/skills{path}", files=[("files[]", file) for file in files], data=fields)

    no_folder = "Zip must contain a top-level folder with all files inside it, including SKILL.md"
    assert refused(post("", ("a.zip", zipped([("SKILL.md", b"x")])))) == no_folder
    mismatch = "The folder name 'x' must match the skill name 'greeting' in SKILL.md."
    assert refused(post("", ("x/SKILL.md", folder()[0][1]))) == mismatch
    assert refused(post("", *folder(), display_name="x" * 256)).startswith("display_name:")
    assert refused(http.post("/v1/skills", json={})).startswith("Content-Type:")
    assert refused(http.post("/v1/skills", files={"file": ("a", b"x")})).startswith("file: unknown field")
    assert refused(http.post("/v1/skills", files={"display_name": (None, "x")})) == "files: Field required"
    large = answered(post("", *folder(), ("greeting/zeros", bytes(32 << 20))))
    assert large[:2] == (413, "request_too_large")
    assert large[2] == "Request exceeds the maximum size. The Skills API accepts requests up to 30MBs."
    assert refused(post(f"/{skill.id}/versions", *folder("other"))).startswith("files: the name")
    assert answered(post(f"/{GONE}/versions", *folder()))[0] == 404
    assert "only one" in refused(http.delete(f"/v1/skills/{skill.id}/versions/{skill.latest_version_id}"))
    assert "built in" in refused(http.delete("/v1/skills/xlsx"))
    assert "built in" in refused(post("/xlsx/versions", *folder("xlsx")))
    assert refused(http.get("/v1/skills?source=other")).startswith("source:")


@pytest.mark.documented
def test_built_in_skills(client: Anthropic, skill: Skill) -> None:
    """facts 14.8: four short names with a dated version, in the list and to be downloaded like others."""
    listed = {each.id: each for each in client.skills.list(limit=2)}
    assert skill.id in listed
    own = list(client.skills.list(source="anthropic"))
    assert [each.id for each in own] == ["xlsx", "pptx", "pdf", "docx"]
    assert {each.source.type for each in own} == {"anthropic"}
    assert skill.id in [each.id for each in client.skills.list(source="custom", limit=1000)]
    version = client.skills.versions.retrieve("latest", skill_id="pdf")
    assert version.id == listed["pdf"].latest_version_id == client.skills.versions.list("pdf").data[0].id
    packed = client.beta.skills.versions.download(version.id, skill_id="pdf").read()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert "pdf/SKILL.md" in archive.namelist()


@pytest.mark.validated
def test_the_wire_of_the_first_months(http: httpx2.Client, client: Anthropic) -> None:
    """facts 14.1, 4.7, 22: what clients of the beta are shown, under the same ids; versions are numbers in paths."""
    files = [("files[]", file) for file in folder()]
    made = http.post("/v1/skills", files=files, data={"display_title": "Greet"}, headers=EARLY).json()
    assert set(made) == {"id", "type", "display_title", "source", "latest_version", "created_at", "updated_at"}
    assert (made["display_title"], made["source"]) == ("Greet", "custom")
    assert made["latest_version"].isdigit()
    page = http.get("/v1/skills?limit=1", headers=EARLY).json()
    assert set(page) == {"data", "has_more", "next_page"}
    path = f"/v1/skills/{made['id']}/versions"
    (version,) = http.get(path, headers=EARLY).json()["data"]
    fields = {"id", "type", "skill_id", "version", "name", "description", "directory", "created_at"}
    assert set(version) == fields
    assert version["id"].startswith("skill_version_")
    assert (version["version"], version["directory"]) == (made["latest_version"], "greeting")
    assert http.get(f"{path}/{version['version']}", headers=EARLY).json() == version
    agent = client.beta.agents.create(
        name="a", model="scripted",
        skills=[{"type": "custom", "skill_id": made["id"], "version": version["version"]}],
    )  # fmt: skip
    assert agent.skills[0].version == version["version"]
    deleted = http.delete(f"{path}/{version['version']}", headers=EARLY).json()
    assert deleted == {"id": version["version"], "type": "skill_version_deleted"}
    assert http.get(f"/v1/skills/{made['id']}", headers=EARLY).json()["latest_version"] is None
    assert http.delete(f"/v1/skills/{made['id']}", headers=EARLY).json()["type"] == "skill_deleted"


@pytest.mark.validated
def test_skills_of_agents(client: Anthropic, http: httpx2.Client, skill: Skill, environment_id: str) -> None:
    """facts 14.4 to 14.6, 2.9: `latest` stays; existence is checked for the agent and again for the session."""

    def agent(*skills: dict[str, Any], **fields: Any) -> httpx2.Response:
        return http.post("/v1/agents", json={"name": "a", "model": "scripted", "skills": skills, **fields})

    def session(agent: Any) -> httpx2.Response:
        return http.post("/v1/sessions", json={"agent": agent, "environment_id": environment_id})

    xlsx, mine = {"type": "anthropic", "skill_id": "xlsx"}, {"type": "custom", "skill_id": skill.id}
    duplicate = 'Agent has invalid configuration: duplicate skill_id "xlsx"'
    assert refused(agent(xlsx, {**xlsx, "version": "latest"})) == duplicate
    missing = "Agent has invalid configuration: `skill_id` `{}` version `{}` not found"
    assert refused(agent({**mine, "skill_id": GONE})) == missing.format(GONE, "latest")
    assert refused(agent({**mine, "version": "1"})) == missing.format(skill.id, "1")
    assert refused(agent({**xlsx, "type": "custom"})) == missing.format("xlsx", "latest")
    made = agent(xlsx, mine, tools=[TOOLSET]).json()
    assert made["skills"] == [{**xlsx, "version": "latest"}, {**mine, "version": "latest"}]
    update = {"skills": [{**mine, "version": skill.latest_version_id}]}
    assert http.post(f"/v1/agents/{made['id']}", json=update).json()["skills"] == update["skills"]
    assert "not found" in refused(http.post(f"/v1/agents/{made['id']}", json={"skills": [{**mine, "version": "x"}]}))
    assert session(made["id"]).json()["agent"]["skills"] == update["skills"]
    no_read = (
        "Missing required tool: skills require the read tool to be usable (enabled and not always_deny) on the "
        "session's `agent_toolset`"
    )
    without = [[], [{**TOOLSET, "configs": [{"name": "read", "enabled": False}]}]]
    for tools in without:
        assert refused(session(agent(xlsx, tools=tools).json()["id"])) == no_read
    override = {"type": "agent_with_overrides", "id": made["id"]}
    assert session({**override, "skills": [xlsx]}).json()["agent"]["skills"] == [{**xlsx, "version": "latest"}]
    assert refused(session({**override, "skills": [xlsx, xlsx]})) == duplicate
    assert session({**override, "skills": []}).json()["agent"]["skills"] == []
    latest = agent(mine, tools=[TOOLSET]).json()
    client.skills.delete(skill.id)
    assert http.get(f"/v1/agents/{latest['id']}").json()["skills"] == latest["skills"]
    gone = f'Could not resolve one or more skills: skill "{skill.id}" version "latest" not found'
    assert refused(session(latest["id"])) == gone
    with pytest.raises(BadRequestError, match="Could not resolve"):
        client.beta.sessions.create(agent=made["id"], environment_id=environment_id)


@pytest.mark.validated
def test_skills_are_in_the_sandbox(converse: Converse, client: Anthropic, skill: Skill) -> None:
    """facts 14.7, 12.3: under /workspace/skills/<name> before the first call, read with `read`, run as they are; those
    of the session's making, whatever comes later."""
    wanted = [{"type": "custom", "skill_id": skill.id}, {"type": "anthropic", "skill_id": "xlsx"}]
    session = converse(tools=[TOOLSET], skills=wanted)
    client.skills.versions.create(skill.id, files=folder(word="later"))

    def call(step: str) -> str:
        (result,) = only(session.turn(f"SCRIPT: {step} | text done"), "agent.tool_result")
        assert not result["is_error"]
        return str(result["content"][0]["text"])

    assert "name: greeting" in call('tool read {"file_path": "/workspace/skills/greeting/SKILL.md"}')
    assert call("bash skills/greeting/scripts/greet.sh") == "hello\n"
    assert "outline.py" in call("bash ls skills/xlsx/scripts")
    assert call("bash echo mine > skills/greeting/SKILL.md; cat skills/greeting/SKILL.md") == "mine\n"
    assert call("bash cat skills/greeting/SKILL.md") == "mine\n"
