"""Repositories of sessions (the page on GitHub; facts 7.14, 8.15, 12.3)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from server import RunningServer, start_server

from .conftest import MANAGED
from .conversation import TOOLSET, Conversation, listening
from .git_host import BACKEND, OTHER, TOKEN, GitHost, run, serving
from .mcp_server import mcp_process
from .test_errors import refused

pytestmark = pytest.mark.documented
_NAMES = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
BUGGY = {"calc.py": "def add(a, b):\n    return a - b\n", "README.md": "# calc\n"}


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    if os.geteuid() != 0 or not BACKEND.exists():
        pytest.skip("needs root to give the server names of its own, and git's HTTP backend")
    with serving(tmp_path_factory.mktemp("git")) as host:
        host.repository("me/calc", BUGGY)
        host.repository("me/other", {"secret.txt": "other\n"})
        yield host


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, git: GitHost, sandbox_section: dict[str, dict[str, Any]]
) -> Iterator[RunningServer]:
    """One for which git.test is that host."""
    directory: Path = tmp_path_factory.mktemp("repositories")
    (directory / "hosts").write_text("127.0.0.1 localhost git.test\n")
    within = ["unshare", "--mount", "sh", "-c", _NAMES, "sh", str(directory / "hosts")]
    sections = {"egress": {"allow_private": ["git.test", "127.0.0.1"]}, "repositories": {"hosts": [git.url]}}
    with start_server(directory, within=within, **sections, **sandbox_section) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[Anthropic]:
    with Anthropic(
        base_url=server.url, api_key=server.api_key, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture(scope="module")
def http(server: RunningServer) -> Iterator[httpx2.Client]:
    headers = {"x-api-key": server.api_key, "anthropic-version": "2023-06-01", "anthropic-beta": MANAGED}
    with httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as http:
        yield http


def body(client: Anthropic, *resources: dict[str, Any], **config: Any) -> dict[str, Any]:
    environment = client.beta.environments.create(name="one", config={"type": "cloud", **config})
    agent = client.beta.agents.create(name="actor", model="scripted", tools=[TOOLSET])  # pyright: ignore
    return {"agent": agent.id, "environment_id": environment.id, "resources": list(resources)}


def calc(git: GitHost, **fields: Any) -> dict[str, Any]:
    return {"type": "github_repository", "url": f"{git.url}/me/calc", "authorization_token": TOKEN, **fields}


def result(talk: Conversation, script: str) -> str:
    command = script.replace(" && ", "&&").replace(" | ", "|")  # with spaces they are the script's own
    talk.say(f"SCRIPT: bash {command} | text done")
    events = talk.read_until("agent.tool_result")
    talk.read_until("session.status_idle")
    return "".join(block["text"] for block in events[-1]["content"])


def test_found_fixed_and_pushed(client: Anthropic, server: RunningServer, git: GitHost) -> None:
    """The page's example up to the pull request. The token is nowhere but on the way out."""
    made = client.beta.sessions.create(**body(client, calc(git)))
    (resource,) = made.resources
    shown = resource.to_dict(mode="json")
    assert set(shown) == {"id", "type", "url", "mount_path", "checkout", "created_at", "updated_at"}
    assert (shown["mount_path"], shown["checkout"]) == ("/workspace/calc", None)
    with listening(client, made.id) as talk:
        assert "return a - b" in result(talk, "cd calc && cat calc.py && git status -sb")
        fixed = result(
            talk,
            "git checkout -q -b fix && sed -i s/-/+/ calc.py && git -c user.name=a -c user.email=a@a commit -qam fix "
            "&& git push -q -u origin fix 2>&1 && git fetch origin 2>&1 && git remote -v && echo pushed",
        )
        assert fixed.endswith("pushed\n"), fixed
        assert TOKEN not in fixed
        hunted = result(talk, f"env; cat .git/config; grep -rls {TOKEN[:-1]}'[n]' /workspace /tmp /root /run /var /etc")
        assert TOKEN not in hunted
        events = talk.listed()
    assert run("-C", str(git.place / "me/calc.git"), "show", "fix:calc.py") == BUGGY["calc.py"].replace("-", "+")
    assert TOKEN not in str(events)
    files = [path for path in server.data_dir.rglob("*") if path.is_file() and path.suffix != ".img"]
    assert len(files) > 10
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_the_first_example(client: Anthropic, git: GitHost, tmp_path: Path) -> None:
    """The page on GitHub: the bug is found, mended, pushed on a branch, and a pull request opened through MCP, whose
    token is in a vault."""
    git.repository("me/example", BUGGY)
    with mcp_process(tmp_path / "hub") as hub:
        (hub.directory / "token").write_text("planted-hub-token")
        vault = client.beta.vaults.create(display_name="me").id
        bearer: Any = {"type": "static_bearer", "mcp_server_url": hub.url, "token": "planted-hub-token"}
        client.beta.vaults.credentials.create(vault, auth=bearer)
        allowed = {"permission_policy": {"type": "always_allow"}}
        agent = client.beta.agents.create(
            name="coder",
            model="scripted",
            mcp_servers=[{"type": "url", "name": "github", "url": hub.url}],
            tools=[TOOLSET, {"type": "mcp_toolset", "mcp_server_name": "github", "default_config": allowed}],  # pyright: ignore
        )
        environment = client.beta.environments.create(name="one").id
        resource = calc(git, url=f"{git.url}/me/example")
        made = client.beta.sessions.create(
            agent=agent.id, environment_id=environment, vault_ids=[vault], resources=[resource]
        )
        author = "-c user.name=a -c user.email=a@a"
        push = f"sed -i s/-/+/ calc.py; git {author} commit -qam fix; git push -q -u origin HEAD:fix"
        request = {"repository": "me/example", "head": "fix", "base": "main", "title": "Add, not subtract"}
        steps = [
            "bash cd example; cat calc.py; python3 -B -c 'from calc import add; print(add(2, 2))'",
            f"bash {push}; python3 -B -c 'from calc import add; print(add(2, 2))'",
            f"tool mcp__github__create_pull_request {json.dumps(request)}",
            "text done",
        ]
        with listening(client, made.id) as talk:
            events = talk.turn("SCRIPT: " + " | ".join(steps))
        told = [event for event in events if event["type"].endswith("tool_result")]
        assert [result["content"][0]["text"].split()[-1] for result in told] == ["0", "4", "me/example/pull/1"]
        assert hub.calls() == ["pull request me/example fix main Add, not subtract"]
        assert "a + b" in run("-C", str(git.place / "me/example.git"), "show", "fix:calc.py")
        assert "planted" not in str(events)


def test_only_its_own_path_is_opened(client: Anthropic, git: GitHost) -> None:
    """Another repository of the same host is asked for without the token."""
    with listening(client, client.beta.sessions.create(**body(client, calc(git))).id) as talk:
        told = result(
            talk, f"GIT_TERMINAL_PROMPT=0 git ls-remote {git.url}/me/other 2>&1; git -C calc ls-remote | wc -l"
        )
    assert "secret" not in told
    assert not [login for path, login in git.asked if path.startswith("/me/other") and login]


def test_a_branch_and_a_commit(client: Anthropic, git: GitHost) -> None:
    """Each session has what it asked for; the second one uses the copy of the first."""
    later = git.commit("me/calc", "second", {"later.txt": "later\n"})
    first = run("-C", str(git.place / "me/calc.git"), "rev-parse", "main~1").strip()
    two = [
        calc(git, checkout={"type": "branch", "name": "side"}, mount_path="/workspace/branch"),
        calc(git, checkout={"type": "commit", "sha": first}, mount_path="/workspace/commit"),
    ]
    with listening(client, client.beta.sessions.create(**body(client, *two)).id) as talk:
        told = result(talk, "git -C branch branch --show-current; ls branch; git -C commit rev-parse HEAD; ls commit")
        assert told == f"side\nREADME.md\ncalc.py\nside.txt\n{first}\nREADME.md\ncalc.py\n"
    with listening(client, client.beta.sessions.create(**body(client, calc(git))).id) as talk:
        assert result(talk, "git -C calc rev-parse HEAD origin/main").split() == [later, later]


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (401, {"authorization_token": OTHER}, "repository_authentication_error"),
        (403, {"authorization_token": OTHER}, "repository_forbidden_error"),
        (404, {"authorization_token": OTHER}, "repository_not_found_error"),
        (500, {"authorization_token": OTHER}, "repository_clone_error"),
        (401, {"checkout": {"type": "branch", "name": "none"}}, "repository_checkout_error"),
        (401, {"checkout": {"type": "commit", "sha": "0" * 40}}, "repository_checkout_error"),
    ],
)
def test_what_cannot_be_cloned(client: Anthropic, git: GitHost, status: int, fields: dict[str, Any], kind: str) -> None:
    """facts 8.15: an error that names the repository; the session goes on without it, and without others' copy."""
    git.status = status
    with listening(client, client.beta.sessions.create(**body(client, calc(git, **fields))).id) as talk:
        events = talk.turn("SCRIPT: bash ls /workspace | text done")
        (error,) = [event["error"] for event in events if event["type"] == "session.error"]
        assert (error["type"], error["repository_url"]) == (kind, f"{git.url}/me/calc")
        assert error["retry_status"] == {"type": "retrying"}
        assert OTHER not in str(events)
        (found,) = [event for event in events if event["type"] == "agent.tool_result"]
        assert "calc" not in str(found["content"])
    git.status = 401


def test_a_rotated_token(client: Anthropic, git: GitHost) -> None:
    """The page on GitHub: it opens what the old one did not, in the next turn."""
    made = client.beta.sessions.create(**body(client, calc(git, authorization_token=OTHER)))
    with listening(client, made.id) as talk:
        first = talk.turn("SCRIPT: text hello")
        assert [event["error"]["type"] for event in first if event["type"] == "session.error"]
        (resource,) = made.resources
        changed = client.beta.sessions.resources.update(resource.id, session_id=made.id, authorization_token=TOKEN)
        assert changed.id == resource.id
        told = result(talk, "git -C calc ls-remote origin | grep -c refs/heads/main")
        assert told == "1\n", [event for event in talk.streamed if event["type"] == "session.error"]


def test_a_public_one_needs_no_token(client: Anthropic, git: GitHost) -> None:
    git.public.add("me/calc")
    resource = calc(git)
    del resource["authorization_token"]
    with listening(client, client.beta.sessions.create(**body(client, resource)).id) as talk:
        assert "calc.py" in result(talk, "ls calc")
    git.public.clear()


def test_hooks_and_submodules_of_strangers_are_not_run(client: Anthropic, git: GitHost) -> None:
    """On the platform's side nothing of a repository is run, and nothing besides it fetched."""
    modules = '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/planted-by-submodule\n'
    git.repository("me/evil", {".gitmodules": modules, ".gitattributes": "* filter=evil\n", "a.txt": "a\n"})
    resource = calc(git, url=f"{git.url}/me/evil")
    with listening(client, client.beta.sessions.create(**body(client, resource)).id) as talk:
        assert result(talk, "cat evil/a.txt") == "a\n"
    assert not Path("/tmp/planted-by-submodule").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "https://github.com/me/calc"}, "resources.0.url: must be a repository at http://git.test"),
        ({"url": "git@git.test:me/calc"}, "resources.0.url"),
        ({"url": "URL.git"}, "without .git"),
        ({"url": "URL/more"}, "resources.0.url"),
        ({"mount_path": "/etc/x"}, "resources.0.mount_path: must be a directory below /workspace"),
        ({"mount_path": "/workspace/../etc"}, "resources.0.mount_path"),
        ({"mount_path": "/workspace"}, "resources.0.mount_path"),
        ({"mount_path": "/workspace/skills"}, "resources.0.mount_path: overlaps"),
        ({"checkout": {"type": "branch", "name": "--upload-pack=x"}}, "resources.0.checkout.name"),
        ({"checkout": {"type": "commit", "sha": "main"}}, "resources.0.checkout.sha"),
        ({"authorization_token": "a\nb"}, "resources.0.authorization_token"),
    ],
)
def test_refused(client: Anthropic, http: httpx2.Client, git: GitHost, fields: dict[str, str], said: str) -> None:
    """The page on GitHub: the form of the URL, the place; nothing that could be an option."""
    if "url" in fields:
        fields = {"url": fields["url"].replace("URL", f"{git.url}/me/calc")}
    assert said in refused(http.post("/v1/sessions", json=body(client, calc(git, **fields))))


def test_two_at_one_place_and_removal(client: Anthropic, http: httpx2.Client, git: GitHost) -> None:
    """facts 7.14: they are attached for the session's lifetime."""
    both = body(client, calc(git), calc(git, url=f"{git.url}/me/other", mount_path="/workspace/calc/other"))
    assert "resources.1.mount_path: overlaps" in refused(http.post("/v1/sessions", json=both))
    made = http.post("/v1/sessions", json=body(client, calc(git))).json()
    path = f"/v1/sessions/{made['id']}/resources"
    refused(http.delete(f"{path}/{made['resources'][0]['id']}"))
    refused(http.post(path, json=calc(git)))
    assert http.get(path).json()["data"] == made["resources"]


def test_skills_of_a_repository(client: Anthropic, git: GitHost) -> None:
    """facts 14.7: those in .claude/skills are told to the model, with their place; a broken one is left out."""
    good = "---\nname: releasing\ndescription: How releases are made here.\n---\nRead on.\n"
    files = {".claude/skills/releasing/SKILL.md": good, ".claude/skills/broken/SKILL.md": "nothing\n"}
    git.repository("me/skilled", files)
    resource = calc(git, url=f"{git.url}/me/skilled")
    with listening(client, client.beta.sessions.create(**body(client, resource)).id) as talk:
        talk.say("SCRIPT: text hello")
        events = talk.read_until("session.status_idle")
        assert not [event for event in events if event["type"] == "session.error"]
        assert "Read on." in result(talk, "cat /workspace/skilled/.claude/skills/releasing/SKILL.md")


def test_settled_once(client: Anthropic, git: GitHost) -> None:
    """A session keeps the commit that it began with, and does not ask the host again once it has it."""
    git.repository("me/settled", {"a.txt": "first\n"})
    resource = calc(git, url=f"{git.url}/me/settled")
    with listening(client, client.beta.sessions.create(**body(client, resource)).id) as talk:
        assert result(talk, "cat settled/a.txt") == "first\n"
        git.commit("me/settled", "second", {"a.txt": "second\n"})
        git.tokens.clear()
        try:
            events = talk.turn("SCRIPT: bash cat settled/a.txt | text done")
        finally:
            git.tokens.add(TOKEN)
        assert not [event for event in events if event["type"] == "session.error"]
