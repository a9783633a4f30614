"""Whether the calls of an answer may run: each tool's policy, as the event shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from journeyman.permissions.question import Verdict
from journeyman.permissions.rules import beyond_doubt
from journeyman.runtime.judging import Asking, Judge
from journeyman.tools.registry import ResolvedTool

JsonObject = dict[str, Any]

_REASONS = {"ask": "indeterminate", "deny": "high_risk"}


@dataclass(frozen=True, slots=True)
class Called:
    """A call before it is permitted."""

    tool: ResolvedTool
    name: str
    input: JsonObject
    server: str = ""
    """The MCP server whose tool it is."""

    @property
    def shown(self) -> JsonObject:
        """To a judge."""
        whose = {"mcp_server": self.server} if self.server else {}
        return {**whose, "tool": self.name, "input": self.input}


async def evaluate(
    calls: Sequence[Called], judge: Judge | None, said: Sequence[str], told: Callable[[Asking], None]
) -> list[JsonObject]:
    """The `evaluated_permission` and `evaluation` of each, in order. A tool that is not enabled is denied before any
    policy. Under `auto` rules decide what is beyond doubt, and the judge the rest; without one that asks."""
    open_calls = [call for call in calls if _ruled(call) is None]
    verdicts: list[Verdict] = ["ask"] * len(open_calls)
    if judge is not None and open_calls:
        verdicts = await judge.verdicts([call.shown for call in open_calls], said, told)
    judged = iter(verdicts)
    return [_ruled(call) or _auto(next(judged)) for call in calls]


def _ruled(call: Called) -> JsonObject | None:
    """What is known without a judge."""
    if call.tool.kind not in ("builtin", "mcp"):
        return {"evaluated_permission": "deny"}
    if call.tool.policy != "auto":
        permission = "ask" if call.tool.policy == "always_ask" else "allow"
        return {"evaluated_permission": permission, "evaluation": {"type": call.tool.policy}}
    # What an MCP server's tool does is known to nobody here, whatever it says of itself.
    known = beyond_doubt(call.name, call.input) if call.tool.kind == "builtin" else None
    return None if known is None else _auto(known)


def _auto(permission: Verdict) -> JsonObject:
    judgement: JsonObject = {"type": permission}
    if permission in _REASONS:
        judgement["reason_code"] = _REASONS[permission]
    return {"evaluated_permission": permission, "evaluation": {"type": "auto", "evaluated_permission": judgement}}
