"""Whether a call may run: its tool's policy, as the event shows it."""

from typing import Any

from journeyman.tools.registry import ResolvedTool

JsonObject = dict[str, Any]


def judge(tool: ResolvedTool) -> JsonObject:
    """The `evaluated_permission` and `evaluation` of a call. A tool that is not enabled is denied before any policy."""
    if tool.kind not in ("builtin", "mcp"):
        return {"evaluated_permission": "deny"}
    permission = "ask" if tool.policy == "always_ask" else "allow"
    return {"evaluated_permission": permission, "evaluation": {"type": tool.policy}}
