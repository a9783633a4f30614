"""kill -9 at any moment: what a session brings along and leaves is neither lost nor there twice."""

import random
import time
from itertools import pairwise
from typing import Any

from .house import House, results

BETAS: Any = ["managed-agents-2026-04-01"]
CALLS = 4
SCRIPT = (
    f"SCRIPT: bash*{CALLS} cd /mnt/memory/kept; date +%N >>lines; cat /mnt/session/uploads/a >/tmp/x; "
    "cat /workspace/skills/pdf/SKILL.md >/tmp/x; cp lines /mnt/session/outputs/lines; wc -l <lines | text done"
)


def test_killed_at_random(house: House, rounds: int) -> None:
    """Each line that a command wrote is in the memory once, and in the output; a version says each change once."""
    rng = random.Random(rounds)
    with house.open():
        house.prepare()
        beta = house.client.beta
        store = beta.memory_stores.create(name="kept").id
        file = beta.files.upload(file=("a", b"attached")).id
        agent = beta.agents.create(
            name="keeper",
            model="scripted",
            tools=[{"type": "agent_toolset_20260401"}],  # pyright: ignore[reportArgumentType]
            skills=[{"type": "anthropic", "skill_id": "pdf"}],
        )
        resources: Any = [
            {"type": "memory_store", "memory_store_id": store},
            {"type": "file", "file_id": file, "mount_path": "a"},
        ]
        session = beta.sessions.create(agent=agent.id, environment_id=house.environment, resources=resources).id
    turns = 0
    for turn in range(rounds // 2 + 1):
        with house.open():
            house.say(session, f"{SCRIPT} #id={turn}")
            turns += 1
            time.sleep(rng.uniform(0, 0.6))
            house.kill()
        with house.open():
            events = house.until_rest(session)
    told = "".join(str(event["content"]) for event in events if event["type"] == "agent.tool_result")
    assert "No such file" not in told
    with house.open():
        beta = house.client.beta
        (memory,) = beta.memory_stores.memories.list(store, view="full")
        lines = str(memory.to_dict()["content"]).split()
        # A call that was cut by a death says so, and may have written its line or not.
        ended = [text for text in results(events) if text.strip().isdigit()]
        assert len(ended) <= len(lines) == len(set(lines)) <= turns * CALLS
        assert len(ended) > turns
        versions = list(beta.memory_stores.memory_versions.list(store, view="full"))
        contents = [version.content or "" for version in versions][::-1]
        assert all(later.startswith(earlier) and later != earlier for earlier, later in pairwise(contents))
        outputs = beta.files.list(scope_id=session, betas=BETAS).data
        found = {file.filename: beta.files.download(file.id).text() for file in outputs if file.downloadable}
        assert found == {"lines": memory.to_dict()["content"]}
