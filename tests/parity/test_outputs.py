"""What the agent leaves in /mnt/session/outputs (facts 13.3)."""

from typing import Any

import pytest
from anthropic import Anthropic

from .conftest import Converse
from .conversation import TOOLSET, Conversation

BETAS: Any = ["managed-agents-2026-04-01"]
PLACE = "/mnt/session/outputs"


def made(client: Anthropic, session: Conversation) -> dict[str, str]:
    """Names and contents of the session's files, newest first."""
    files = client.beta.files.list(scope_id=session.id, betas=BETAS).data
    assert all(file.downloadable and file.scope and file.scope.id == session.id for file in files)
    return {file.filename: client.beta.files.download(file.id).text() for file in files}


@pytest.mark.validated
def test_outputs_are_files_of_the_session(client: Anthropic, converse: Converse) -> None:
    """facts 13.3: the last component of the name counts, the newest comes first, all can be downloaded.

    They are there when the session is idle (the reference takes seconds).
    """
    session = converse(tools=[TOOLSET])
    session.turn(f"SCRIPT: bash mkdir -p {PLACE}/nested; echo one >{PLACE}/first.txt | text done")
    assert made(client, session) == {"first.txt": "one\n"}
    session.turn(f"SCRIPT: bash echo two >{PLACE}/nested/child.txt; ln -s /etc/passwd {PLACE}/link | text done")
    assert list(made(client, session).items()) == [("child.txt", "two\n"), ("first.txt", "one\n")]
    (listed, *_) = client.beta.files.list(scope_id=session.id, betas=BETAS).data
    assert (listed.mime_type, listed.size_bytes) == ("text/plain", 4)


@pytest.mark.ours_only
def test_a_changed_output_takes_the_place_of_the_old_one(client: Anthropic, converse: Converse) -> None:
    """One that was deleted by the client does not come again; one that the agent removes stays a file."""
    session = converse(tools=[TOOLSET])
    session.turn(f"SCRIPT: bash cd {PLACE}; echo old >kept; echo old >changed; echo old >deleted | text done")
    (before,) = [
        each for each in client.beta.files.list(scope_id=session.id, betas=BETAS) if each.filename == "deleted"
    ]
    client.beta.files.delete(before.id)
    session.turn(f"SCRIPT: bash cd {PLACE}; echo new >changed; rm kept; sleep 0 | text done")
    assert made(client, session) == {"changed": "new\n", "kept": "old\n"}


@pytest.mark.ours_only
def test_names_that_no_file_can_have(client: Anthropic, converse: Converse) -> None:
    session = converse(tools=[TOOLSET])
    session.turn(f"SCRIPT: bash cd {PLACE}; echo 1 >'a:b?'; echo 2 >$'\\xff.txt' | text done")
    assert made(client, session) == {"\ufffd.txt": "2\n", "a_b_": "1\n"}


@pytest.mark.documented
def test_an_output_can_be_given_to_another_session(client: Anthropic, converse: Converse, environment_id: str) -> None:
    """It is a file like any other."""
    session = converse(tools=[TOOLSET])
    session.turn(f"SCRIPT: bash echo found >{PLACE}/report.md | text done")
    (file,) = client.beta.files.list(scope_id=session.id, betas=BETAS).data
    agent = client.beta.agents.create(name="next", model="scripted")
    resource: Any = {"type": "file", "file_id": file.id}
    other = client.beta.sessions.create(agent=agent.id, environment_id=environment_id, resources=[resource])
    (mounted,) = other.resources
    assert mounted.to_dict()["mount_path"] == f"/mnt/session/uploads/{file.id}"
