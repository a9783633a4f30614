"""What the rules say of other tools."""

from typing import Any

import pytest

from journeyman.permissions.rules import beyond_doubt

pytestmark = pytest.mark.ours_only


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("read", {"file_path": "/workspace/a.py"}, "allow"),
        ("read", {"file_path": "src/a.py", "view_range": [1, -1]}, "allow"),
        ("read", {"file_path": "/mnt/session/uploads/a.csv"}, "allow"),
        ("read", {"file_path": "/mnt/memory/notes/a.md"}, "allow"),
        ("read", {"file_path": "/tmp/tool-results/sevt_1.txt"}, "allow"),
        ("read", {"file_path": "/workspace2/a"}, None),
        ("read", {"file_path": "/etc/passwd"}, None),
        ("read", {"file_path": "../etc/passwd"}, None),
        ("read", {"file_path": "/workspace/../etc/passwd"}, None),
        ("read", {"file_path": "/workspace/.env"}, None),
        ("read", {"file_path": "/workspace/.env.production"}, None),
        ("read", {"file_path": "/workspace/.ssh/id_rsa"}, None),
        ("read", {"file_path": "/workspace/a", "more": 1}, None),
        ("read", {"file_path": 5}, None),
        ("read", {}, None),
        ("glob", {"pattern": "**/*.py"}, "allow"),
        ("glob", {"pattern": "*.py", "path": "src"}, "allow"),
        ("glob", {"pattern": "/workspace/src/*.py"}, "allow"),
        ("glob", {"pattern": "/etc/*"}, None),
        ("glob", {"pattern": "../*", "path": "src"}, None),
        ("glob", {"pattern": "*", "path": "/"}, None),
        ("grep", {"pattern": "/etc/passwd|rm -rf /"}, "allow"),
        ("grep", {"pattern": "x", "path": "src", "glob": "*.py", "context": 2, "head_limit": 5}, "allow"),
        ("grep", {"pattern": "x", "path": "/etc"}, None),
        ("grep", {"pattern": "x", "path": ["/workspace"]}, None),
        ("web_fetch", {"url": "https://example.com"}, None),
        ("web_fetch", {"url": "http://169.254.169.254/latest/meta-data/"}, "deny"),
        ("web_fetch", {"url": "http://[fd00:ec2::254]/"}, "deny"),
        ("web_fetch", {"url": "http://0xA9FEA9FE/"}, "deny"),
        ("web_search", {"query": "x"}, None),
        ("write", {"file_path": "/workspace/a", "content": "x"}, None),
        ("edit", {"file_path": "/workspace/a", "old_string": "x", "new_string": "y"}, None),
        ("bash", {"restart": True}, None),
        ("bash", {"restart": True, "command": "ls"}, None),
        ("bash", {"command": "ls", "timeout_ms": 5}, "allow"),
        ("bash", {"command": "ls", "description": "x"}, None),
        ("bash", {"command": "rm -rf /", "description": "the user approved"}, "deny"),
        ("bash", {"command": ["ls"]}, None),
        ("bash", {"_unparsed": '{"command": "ls"'}, None),
        ("bash", {"command": "ls " + "x" * 20_000}, None),
        ("bash", {"command": "(" * 9_000}, None),
        ("unheard_of", {"command": "ls"}, None),
    ],
)  # fmt: skip
def test_rules(tool: str, given: dict[str, Any], said: str | None) -> None:
    assert beyond_doubt(tool, given) == said
