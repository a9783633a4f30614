"""Which of the SDK's own tests are run, and why the others are not."""

from dataclasses import dataclass

ROOT = "tests/api_resources/beta"

FILES = (
    "test_agents.py",
    "test_environments.py",
    "test_sessions.py",
    "test_models.py",
    "test_skills.py",
    "skills/test_versions.py",
    "../test_skills.py",
    "../skills/test_versions.py",
    "test_files.py",
    "test_vaults.py",
    "test_dreams.py",
    "test_memory_stores.py",
    "memory_stores/test_memories.py",
    "memory_stores/test_memory_versions.py",
    "vaults/test_credentials.py",
    "agents/test_versions.py",
    "sessions/test_events.py",
    "sessions/test_resources.py",
    "sessions/test_threads.py",
    "sessions/threads/test_events.py",
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Tests whose names begin so, of the synchronous and the asynchronous class of that name."""

    file: str
    name: str
    reason: str

    def node_ids(self) -> list[str]:
        file, _, rest = self.name.partition("::")
        return [f"{ROOT}/{self.file}::Test{kind}{file}::{rest}" for kind in ("", "Async")]


LEFT_OUT = (
    LeftOut(
        "test_sessions.py",
        "Sessions::test_method_create_with_all_params",
        "sends a budget, for which the model here has no price, and the id of a vault that is none",
    ),
    LeftOut(
        "test_sessions.py",
        "Sessions::test_method_update_with_all_params",
        "sends a budget to a session without one, an MCP server without its toolset, and vault_ids, all of which the "
        "reference itself refuses",
    ),
    *(
        LeftOut(file, f"{kind}::test_{form}_download", "answers itself, without a server")
        for file, kind in (("skills/test_versions.py", "Versions"), ("test_files.py", "Files"))
        for form in ("method", "raw_response", "streaming_response")
    ),
    *(
        LeftOut(
            "sessions/test_resources.py",
            f"Resources::test_{form}",
            "only a repository has a token to change, and the session here has a file",
        )
        for form in (
            "method_update",
            "method_update_with_all_params",
            "raw_response_update",
            "streaming_response_update",
        )
    ),
    *(
        LeftOut(
            "sessions/test_threads.py",
            f"Threads::test_{form}_archive",
            "only the threads of subagents can be archived, and the thread here is the primary one",
        )
        for form in ("method", "raw_response", "streaming_response")
    ),
)
