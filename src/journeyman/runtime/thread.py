"""One thread of a session as its log tells it: the conversation for the model, and the calls that are still open."""

from dataclasses import dataclass, field
from typing import Any, Literal

from journeyman.runtime.usage import Usage
from journeyman.wire.rosters import ADVISOR_NAME

JsonObject = dict[str, Any]

MAX_CUTS = 3
"""How often in a row an answer cut at its maximum length is taken up again."""

_GO_ON = "Your answer reached its maximum length. Go on exactly where it stopped."


@dataclass(slots=True)
class Call:
    """A tool call of the last answer. `result` is the block the model gets for it."""

    id: str
    name: str
    input: JsonObject
    kind: Literal["builtin", "custom", "mcp", "agents", "advisor"]
    """`agents`: it concerns other threads of the session; `advisor`: its result is the advice of one."""
    permission: Literal["allow", "ask", "deny"] = "allow"
    verdict: Literal["allow", "deny"] | None = None
    deny_message: str | None = None
    result: JsonObject | None = None
    server: str = ""
    """The MCP server whose tool it is."""

    @property
    def waiting(self) -> bool:
        """It waits for the client: a result of a custom tool, or an answer to an ask."""
        if self.result is not None:
            return False
        return self.kind == "custom" or (self.permission == "ask" and self.verdict is None)

    @property
    def ready(self) -> bool:
        """The brain can settle it now: run it, or tell the model that it was denied."""
        return self.result is None and not self.waiting

    @property
    def denied(self) -> bool:
        return self.permission == "deny" or self.verdict == "deny"


@dataclass(slots=True)
class Thread:
    """The state of one conversation."""

    id: str
    agent: JsonObject = field(default_factory=dict[str, Any])
    parent: str | None = None
    """The thread that spawned it; None for the primary one."""
    run_id: str | None = None
    """The workflow run that made it."""
    key: str = ""
    """Of the call of its run's plan that it is."""
    schema: JsonObject | None = None
    """Of the JSON that the plan wants for an answer."""
    call_id: str | None = None
    """Of the call that waits for its advice, for an advisor's."""
    status: Literal["idle", "running", "rescheduling", "terminated"] = "idle"
    stop: JsonObject = field(default_factory=dict[str, Any])
    """Why it went idle last."""
    active_us: int = 0
    running_since: int | None = None
    history: list[JsonObject] = field(default_factory=list[JsonObject])
    """Messages in the Messages API's shape. Tool-use ids are event ids."""
    paused: bool = False
    """It stopped at the session's budget, with something unanswered."""
    pending: bool = False
    """There is something the model has not answered yet."""
    request: str | None = None
    """The model request that is open, by its span's start."""
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    queued: list[JsonObject] = field(default_factory=list[JsonObject])
    """User content that came while calls were open; it follows their results."""
    answer: JsonObject = field(default_factory=dict[str, Any])
    """Of the last answer: `stop_reason`, `stop_details`."""
    cuts: int = 0
    """Answers in a row that ended at max_tokens."""
    compactions: int = 0
    """Compactions in a row without an answer."""
    refused: int = 0
    """Requests in a row that the model refused as too long."""
    last_words: list[str] = field(default_factory=list[str])
    """What the person said last."""
    attempt: int = 0
    due_at: int | None = None
    context_tokens: int = 0
    """What the last request and its answer weighed, and an estimate of what came since."""
    usage: Usage = field(default_factory=Usage)
    shown: list[tuple[JsonObject, str]] = field(default_factory=list[tuple[JsonObject, str]])
    """Events whose URLs may be fetched, each with the tool it is a result of."""
    has_files: bool = False
    """Something in the history names a file by its id."""
    links: list[str] = field(default_factory=list[str])
    """URLs that fetched pages link to."""

    @property
    def name(self) -> str:
        """Its agent's."""
        return ADVISOR_NAME if self.is_advisor else self.agent["name"]

    @property
    def is_advisor(self) -> bool:
        return self.agent.get("type") == "advisor"

    @property
    def model(self) -> JsonObject:
        """Its agent's: `id`, and `speed` and `effort` where they are set."""
        return {"id": self.agent["model"]} if self.is_advisor else self.agent["model"]

    @property
    def works(self) -> bool:
        """It is at work, or about to be."""
        if self.status == "idle":
            return self.pending and not self.paused and not self.calls
        return self.status != "terminated"

    @property
    def rests(self) -> bool:
        """It has nothing to do, and waits for nobody's answer."""
        return self.status == "terminated" or not (self.works or self.paused or self.calls)

    @property
    def is_delegate(self) -> bool:
        """It was spawned by a call of the agent's, neither for advice nor by a workflow run."""
        return self.parent is not None and not self.is_advisor and self.run_id is None

    @property
    def open_calls(self) -> list[Call]:
        return [call for call in self.calls.values() if call.result is None]

    @property
    def waiting(self) -> list[Call]:
        return [call for call in self.calls.values() if call.waiting]

    @property
    def ready(self) -> list[Call]:
        return [call for call in self.calls.values() if call.ready]

    def hear(self, role: Literal["user", "system"], content: list[JsonObject]) -> None:
        """Take in what a person or the operator says."""
        blocks = [block for block in (content if role == "user" else _as_system(content)) if not _blank(block)]
        if self.calls:
            self.queued.extend(blocks)
        else:
            self._say("user", blocks)
        self.pending = self.pending or (role == "user" and bool(blocks))

    def answered(self, content: list[JsonObject], outcome: JsonObject) -> None:
        """Take in a whole answer of the model."""
        kept = acceptable(content)
        if kept:
            self.history.append({"role": "assistant", "content": kept})
        self.answer = outcome
        self.attempt, self.compactions, self.refused = 0, 0, 0
        self.pending = False
        cut = outcome.get("stop_reason") == "max_tokens" and not self.calls
        self.cuts = self.cuts + 1 if cut else 0
        if 0 < self.cuts <= MAX_CUTS:
            self._say("user", [{"type": "text", "text": _GO_ON}])
            self.pending = True

    def settle(self, call_id: str, content: list[JsonObject], *, is_error: bool) -> None:
        """Take in a call's result; an unknown or settled call changes nothing."""
        call = self.calls.get(call_id)
        if call is None or call.result is not None:
            return
        call.result = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": is_error}
        if all(each.result is not None for each in self.calls.values()):
            self._say("user", [each.result for each in self.calls.values() if each.result is not None])
            self._say("user", self.queued)
            self.calls, self.queued, self.pending = {}, [], True

    def compact(self, summary: list[JsonObject]) -> None:
        """Begin the conversation anew with a summary of it."""
        self.history, self.context_tokens = [], 0
        self.compactions += 1
        self._say("user", summary)

    def _say(self, role: str, blocks: list[JsonObject]) -> None:
        if not blocks:
            return
        self.has_files = self.has_files or any(map(_names_file, blocks))
        self.context_tokens += sum(map(weigh, blocks))
        if self.history and self.history[-1]["role"] == role:
            # A new list: requests under way may hold the old one.
            self.history[-1] = {"role": role, "content": [*self.history[-1]["content"], *blocks]}
        else:
            self.history.append({"role": role, "content": list(blocks)})


def _names_file(block: JsonObject) -> bool:
    if block["type"] == "tool_result":
        return any(map(_names_file, block["content"]))
    return block["type"] in ("image", "document") and block["source"]["type"] == "file"


def _blank(block: JsonObject) -> bool:
    """Models refuse text without a visible character."""
    return block["type"] == "text" and not block["text"].strip()


def acceptable(answer: list[JsonObject]) -> list[JsonObject]:
    """An answer as a model takes it back: nothing blank, and no thinking that nothing follows."""
    kept = [block for block in answer if not _blank(block)]
    while kept and kept[-1]["type"] in ("thinking", "redacted_thinking"):
        kept.pop()
    return kept


def weigh(block: JsonObject) -> int:
    """About how many tokens a content block is."""
    match block:
        case {"type": "text", "text": str(text)}:
            return len(text) // 4
        case {"type": "tool_result"}:
            return sum(map(weigh, block["content"]))
        case {"type": "image"}:
            return 1_500
        case {"source": {"data": str(data)}}:
            return len(data) // 4
        case _:
            return 100


def _as_system(content: list[JsonObject]) -> list[JsonObject]:
    """A system message in the middle of a conversation, for any model: a marked block of the user's turn."""
    text = "\n".join(block["text"] for block in content)
    return [{"type": "text", "text": f"<system_message>\n{text}\n</system_message>"}]
