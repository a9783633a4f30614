"""MCP servers (facts 5.6, 8.10, 9.7, 11.6, 15.6 to 15.8): real ones, in processes of their own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from crash.fleet import fresh_database
from server import RunningServer, start_server

from .conversation import IDLE, RUNNING, Conversation, listening, one, only, types
from .mcp_server import McpProcess, mcp_process

ALLOW = {"permission_policy": {"type": "always_allow"}}
PRIVATE = {"allow_private": ["127.0.0.0/8"]}
NAME = "my office"
MCP_URL = "https://api.githubcopilot.com/mcp/"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpProcess]:
    with mcp_process(tmp_path_factory.mktemp("mcp") / "office") as running:
        yield running


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that may connect to this machine's own addresses."""
    with start_server(tmp_path_factory.mktemp("near"), egress=PRIVATE) as running:
        yield running


Start = Callable[..., Conversation]


def fields(url: str, **toolset: Any) -> dict[str, Any]:
    """Of an agent with a computer and one MCP server."""
    offered = {"type": "mcp_toolset", "mcp_server_name": NAME, **toolset}
    server = {"type": "url", "name": NAME, "url": url}
    return {"mcp_servers": [server], "tools": [{"type": "agent_toolset_20260401"}, offered]}


def session_of(client: Anthropic, agent: dict[str, Any], **session: Any) -> str:
    made = client.beta.agents.create(name="actor", model="scripted", **agent)
    environment = client.beta.environments.create(name="mcp")
    return client.beta.sessions.create(agent=made.id, environment_id=environment.id, **session).id


@pytest.fixture
def start(near: RunningServer) -> Iterator[Start]:
    """Makes a session and listens to it."""
    with ExitStack() as stack:
        client = stack.enter_context(
            Anthropic(base_url=near.url, api_key=near.api_key, max_retries=0, _strict_response_validation=True)
        )

        def make(url: str, *, vault_ids: list[str] | None = None, **toolset: Any) -> Conversation:
            session = session_of(client, fields(url, **toolset), vault_ids=vault_ids or [])
            return stack.enter_context(listening(client, session))

        yield make


def call(tool: str, arguments: str = "{}", server: str = "my_office") -> str:
    return f"SCRIPT: tool mcp__{server}__{tool} {arguments} | text done"


def text(events: list[dict[str, Any]]) -> str:
    return str(one(events, "agent.mcp_tool_result")["content"][0]["text"])


@pytest.mark.documented
@pytest.mark.parametrize("transport", ["http", "sse"])
def test_a_servers_tools(start: Start, tmp_path: Path, transport: str) -> None:
    """facts 8.10, 9.2, 11.6, 15.7: bare names in events, results in call order, over the older transport too."""
    with mcp_process(tmp_path / "office", transport) as office:
        session = start(office.url, default_config=ALLOW)
        steps = ['add {"a": 1, "b": 2}', "files_show {}", "recite {}", "fail {}", "nope {}"]
        events = session.turn("SCRIPT: " + " && ".join(f"tool mcp__my_office__{step}" for step in steps) + " | text x")
    uses, results = only(events, "agent.mcp_tool_use"), only(events, "agent.mcp_tool_result")
    assert [use["name"] for use in uses] == ["add", "files.show", "recite", "fail", "nope"]
    assert {use["mcp_server_name"] for use in uses} == {NAME}
    assert uses[0]["input"] == {"a": 1, "b": 2}
    assert [use["evaluated_permission"] for use in uses] == ["allow"] * 4 + ["deny"]
    assert [result["mcp_tool_use_id"] for result in results] == [use["id"] for use in uses]
    assert [result["is_error"] for result in results] == [False, False, False, True, True]
    added, shown, recited, failed, denied = (result["content"] for result in results)
    assert added == [{"type": "text", "text": "3"}]
    assert [block["type"] for block in shown] == ["text", "image", "document", "text"]
    assert (shown[1]["source"]["media_type"], shown[2]["source"]["data"]) == ("image/png", "the page")
    assert "file:///more.txt" in shown[3]["text"]
    assert f"/tmp/tool-results/{uses[2]['id']}.txt" in recited[0]["text"]
    assert "out of paper" in failed[0]["text"]
    assert denied[0]["text"] == "Permission to use nope has been denied."
    spilled = session.turn(f"SCRIPT: bash wc -c </tmp/tool-results/{uses[2]['id']}.txt | text done")
    assert one(spilled, "agent.tool_result")["content"][0]["text"] == "150000\n"


@pytest.mark.validated
def test_calls_ask_by_default(start: Start, office: McpProcess) -> None:
    """facts 5.6, 15.8: `tool_use_id` names the call; allowed it runs, denied it does not."""
    session = start(office.url)
    before = len(office.calls())
    events = session.turn(
        'SCRIPT: tool mcp__my_office__book {"room": "A"} && tool mcp__my_office__book {"room": "B"} | text ok'
    )
    first, second = only(events, "agent.mcp_tool_use")
    assert (first["evaluated_permission"], first["evaluation"]) == ("ask", {"type": "always_ask"})
    assert events[-1]["stop_reason"] == {"type": "requires_action", "event_ids": [first["id"], second["id"]]}
    session.send(
        {"type": "user.tool_confirmation", "tool_use_id": first["id"], "result": "deny", "deny_message": "not A"},
        {"type": "user.tool_confirmation", "tool_use_id": second["id"], "result": "allow"},
    )
    denied, allowed = only(session.read_until("session.status_idle"), "agent.mcp_tool_result")
    rejected = "Permission to use book has been rejected. Rejection message: not A"
    assert (denied["is_error"], denied["content"][0]["text"]) == (True, rejected)
    assert (allowed["is_error"], allowed["content"][0]["text"]) == (False, "B is booked")
    assert office.calls()[before:] == ["book B"]


@pytest.mark.documented
def test_tools_are_allowed_one_by_one(start: Start, office: McpProcess) -> None:
    """facts 5.6, 8.7: what is not enabled is denied before any policy; a tool's own entry counts."""
    only_add = [{"name": "add", "enabled": True, **ALLOW}]
    session = start(office.url, default_config={"enabled": False}, configs=only_add)
    assert text(session.turn(call("add", '{"a": 2, "b": 2}'))) == "4"
    events = session.turn(call("book", '{"room": "C"}'))
    use = one(events, "agent.mcp_tool_use")
    assert (use["evaluated_permission"], "evaluation" in use and use["evaluation"]) in (("deny", False), ("deny", None))
    assert text(events) == "Permission to use book has been denied."
    assert "book C" not in office.calls()


@pytest.mark.validated
def test_a_server_that_wants_a_token(start: Start, near: RunningServer, tmp_path: Path) -> None:
    """facts 9.7, 15.6: `mcp_authentication_failed_error`, and the session goes on; asked again on the next run.

    A vault's token is given to the server that it is for, in whatever spelling, and as it is now.
    """
    with mcp_process(tmp_path / "office") as office, _client(near) as client:
        token = office.directory / "token"
        token.write_text("secret")
        session = start(office.url, default_config=ALLOW)
        events = session.turn("SCRIPT: text alone")
        start_of_span = types(events).index("span.model_request_start")
        assert types(events)[:start_of_span] == [*RUNNING, "user.message", "session.error"]
        assert types(events)[-3:] == IDLE
        error = one(events, "session.error")["error"]
        assert (error["type"], error["mcp_server_name"]) == ("mcp_authentication_failed_error", NAME)
        assert error["retry_status"] == {"type": "exhausted"}
        token.unlink()
        assert text(session.turn(call("add", '{"a": 3, "b": 4}'))) == "7"
        token.write_text("secret")
        vault = client.beta.vaults.create(display_name="v").id
        spelled = office.url.replace("http", "HTTP", 1) + "/"
        auth = {"type": "static_bearer", "mcp_server_url": spelled, "token": "secret"}
        credential = client.beta.vaults.credentials.create(vault, auth=auth)
        trusted = start(office.url, vault_ids=[vault], default_config=ALLOW)
        assert text(trusted.turn(call("add", '{"a": 1, "b": 1}'))) == "2"
        token.write_text("other")
        assert one(trusted.turn("SCRIPT: text x"), "session.error")["error"]["type"] == error["type"]
        rotated = {"type": "static_bearer", "token": "other"}
        client.beta.vaults.credentials.update(credential.id, vault_id=vault, auth=rotated)
        assert text(trusted.turn(call("add", '{"a": 2, "b": 1}'))) == "3"
        assert text(trusted.turn(call("confess"))) == "my token is [redacted]"
        assert "secret" not in str(trusted.listed())


@pytest.mark.documented
def test_a_server_that_is_not_there(start: Start, tmp_path: Path) -> None:
    """facts 9.7, 15.6: `mcp_connection_failed_error`; connected to when it is back on the next run."""
    with mcp_process(tmp_path / "office") as office:
        session = start(office.url, default_config=ALLOW)
        assert text(session.turn(call("add", '{"a": 1, "b": 2}'))) == "3"
        events = session.turn("SCRIPT: tool mcp__my_office__quit {} | tool mcp__my_office__add {} | text done")
        broken, not_run = only(events, "agent.mcp_tool_result")
        assert "is not known" in broken["content"][0]["text"]
        assert "denied" in not_run["content"][0]["text"]
        assert one(events, "session.error")["error"]["type"] == "mcp_connection_failed_error"
    events = session.turn(call("add"))
    error = one(events, "session.error")["error"]
    assert (error["type"], error["mcp_server_name"]) == ("mcp_connection_failed_error", NAME)
    assert text(events) == "Permission to use add has been denied."
    assert events[-1]["stop_reason"] == {"type": "end_turn"}


@pytest.mark.documented
def test_the_comprehensive_example(near: RunningServer, sources: Path, tmp_path: Path) -> None:
    """The SDK's own example, its MCP server replaced by one of this machine: vault, skills, every kind of tool."""
    example = tmp_path / "agents_comprehensive.py"
    examples = sources / "examples"
    shutil.copy(examples / "greeting-SKILL.md", tmp_path)
    with mcp_process(tmp_path / "office") as office:
        (office.directory / "token").write_text("planted")
        program = (examples / example.name).read_text()
        assert MCP_URL in program
        example.write_text(program.replace(MCP_URL, office.url))
        settings = {"ANTHROPIC_BASE_URL": near.url, "ANTHROPIC_API_KEY": near.api_key, "GITHUB_TOKEN": "planted"}
        done = subprocess.run(
            [sys.executable, example], env={**os.environ, **settings}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "session.error" not in done.stdout
    assert "planted" not in done.stdout
    assert '"type": "session.status_idle"' in done.stdout


@pytest.mark.ours_only
def test_private_addresses_are_not_connected_to(client: Anthropic, office: McpProcess) -> None:
    """A server may not have requests made to its own machine, whatever name stands for it."""
    for url in (office.url, office.url.replace("127.0.0.1", "localhost")):
        with listening(client, session_of(client, fields(url))) as session:
            error = one(session.turn("SCRIPT: text x"), "session.error")["error"]
        assert error["type"] == "mcp_connection_failed_error"
        assert "private or reserved address" in error["message"]


@pytest.mark.ours_only
def test_an_interrupt_cuts_a_call(start: Start, office: McpProcess) -> None:
    """facts 9.6: the call gets a result, and the session rests within a second."""
    session = start(office.url, default_config=ALLOW)
    before = len(office.calls())
    session.say(call("hang"))
    session.read_until("agent.mcp_tool_use")
    _until(lambda: len(office.calls()) > before)
    began = time.monotonic()
    session.send({"type": "user.interrupt"})
    events = session.read_until("session.status_idle")
    assert time.monotonic() - began < 2
    assert one(events, "agent.mcp_tool_result")["is_error"]
    assert events[-1]["stop_reason"] == {"type": "end_turn"}
    assert text(session.turn(call("add", '{"a": 1, "b": 1}'))) == "2"


@pytest.mark.ours_only
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_calls_are_not_repeated_after_a_crash(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> None:
    """What was under way when the server was killed is told to the model as unknown; what only looks is asked again."""
    url = None
    if database == "postgres":
        url = fresh_database(request.getfixturevalue("postgres_url"), "mcp")
    with mcp_process(tmp_path / "office") as office:
        with start_server(tmp_path, database_url=url, egress=PRIVATE) as running, _client(running) as client:
            sessions = {}
            for tool in ("hang", "look"):
                sessions[tool] = session_of(client, fields(office.url, default_config=ALLOW))
                said = {"type": "user.message", "content": [{"type": "text", "text": call(tool)}]}
                client.beta.sessions.events.send(sessions[tool], events=[said])
            _until(lambda: len(office.calls()) == 2)
            running.process.kill()
            running.process.wait()
        with start_server(tmp_path, database_url=url, egress=PRIVATE) as running, _client(running) as client:
            events = client.beta.sessions.events
            _until(lambda: any(each.type == "session.status_idle" for each in events.list(sessions["hang"])))
            listed = [each.to_dict(mode="json") for each in events.list(sessions["hang"])]
            result = one(listed, "agent.mcp_tool_result")
            assert result["is_error"]
            assert "not known" in result["content"][0]["text"]
            _until(lambda: len(office.calls()) == 3)
    assert office.calls() == ["hang"] * 3


def _client(running: RunningServer) -> Anthropic:
    return Anthropic(base_url=running.url, api_key=running.api_key, max_retries=0)


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
