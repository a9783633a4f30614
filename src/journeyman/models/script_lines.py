"""The script line language: a user message says in one line what the scripted model answers.

The last user text with `SCRIPT:` decides. What follows, up to the end of the line, are steps separated by ` | `, one
for each answer; the number of assistant messages since then tells which. Past the last step, or without a script, the
answer is "ok". The actions of a step are joined by ` && `; `*N` repeats one:

    text WORDS   say WORDS   think WORDS   maxtokens WORDS   refusal WORDS   bash COMMAND   tool NAME {JSON}

A step may start with faults, `{status=529,times=2}`: status (with retry_after), cut, midstream (with after), ttft, gap,
stall (with after). They hit the first `times` attempts (1 unless told, 0: all). `#id=NAME` in the text counts its
attempts apart from those of an equal script elsewhere.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import orjson

from journeyman.models.conversation import answers, tool_names, user_texts
from journeyman.models.errors import broken_stream, event_error, upstream_error
from journeyman.models.port import JsonObject, ModelError, ModelRequest
from journeyman.models.scripted import Block, Call, Say, Script, Think, words

_FAULTS = re.compile(r"\{([a-z_]+=[^}]*)\}\s*")
_ID = re.compile(r"\s*#id=(\S+)")
_STOP_REASONS = {"maxtokens": "max_tokens", "refusal": "refusal", "bash": "tool_use", "tool": "tool_use"}


@dataclass(frozen=True, slots=True)
class Action:
    """One word of the language with its argument."""

    kind: str
    times: int
    argument: str


@dataclass(frozen=True, slots=True)
class Step:
    """One answer."""

    actions: list[Action]
    faults: dict[str, str] = field(default_factory=dict[str, str])


class ScriptLines:
    """The `answer` of a ScriptedModel. It counts attempts, so that a fault can pass."""

    def __init__(self) -> None:
        self._attempts: Counter[tuple[str, int]] = Counter()

    def __call__(self, request: ModelRequest) -> Script:
        for place, text, after in user_texts(request.messages):
            if "SCRIPT:" in text:
                return self._script(place, text, answers(after), request.tools)
        return Script([Say(["ok"])])

    def _script(self, place: int, text: str, number: int, tools: list[JsonObject]) -> Script:
        line = text.rpartition("SCRIPT:")[2].partition("\n")[0].strip()
        steps = read_steps(_ID.sub("", line))
        if number >= len(steps):
            return Script([Say(["ok"])])
        named = _ID.search(text)
        key = (named[1] if named else f"{place}:{line}", number)
        self._attempts[key] += 1
        step = steps[number]
        times = int(step.faults.get("times", 1))
        hit = times == 0 or self._attempts[key] <= times
        return answer_of(step, tools, hit=hit)


def read_steps(line: str) -> list[Step]:
    """The steps of a script's line."""
    steps: list[Step] = []
    for part in line.split(" | "):
        found = _FAULTS.match(part.strip())
        faults = dict(pair.split("=", 1) for pair in found[1].split(",")) if found else {}
        actions = [_action(text) for text in part.strip()[found.end() if found else 0 :].split(" && ")]
        first = actions[0]
        if len(actions) == 1 and first.kind in ("bash", "tool"):
            steps += [Step([Action(first.kind, 1, first.argument)], faults)] * first.times
        else:
            steps.append(Step(actions, faults))
    return steps


def _action(text: str) -> Action:
    head, _, argument = text.strip().partition(" ")
    kind, _, times = head.partition("*")
    return Action(kind, int(times or 1), argument)


def answer_of(step: Step, tools: list[JsonObject], *, hit: bool) -> Script:
    """What a step says; its faults count where they `hit`."""
    faults = step.faults
    error, after = _error(faults) if hit else (None, None)
    reasons = [_STOP_REASONS[action.kind] for action in step.actions if action.kind in _STOP_REASONS]
    return Script(
        [block for action in step.actions for block in _blocks(action, tools)],
        reasons[-1] if reasons else "end_turn",
        error=error,
        error_after=after,
        ttft=float(faults["ttft"]) if "ttft" in faults else None,
        gap=float(faults["gap"]) if "gap" in faults else None,
        stall=float(faults.get("stall", 0)) if hit else 0.0,
        stall_after=int(faults.get("after", 1)),
    )


def _error(faults: dict[str, str]) -> tuple[ModelError | None, int | None]:
    """The error of a step, and the number of deltas before it; None: it comes first."""
    if "status" in faults:
        status = int(faults["status"])
        wait = float(faults["retry_after"]) if "retry_after" in faults else None
        return upstream_error(status, f"injected {status}", retry_after=wait), None
    if "midstream" in faults:
        kind = {"type": faults["midstream"], "message": "injected mid-stream"}
        return event_error(kind), int(faults.get("after", 1))
    if "cut" in faults:
        return broken_stream("injected cut"), int(faults["cut"])
    return None, None


def _blocks(action: Action, tools: list[JsonObject]) -> list[Block]:
    match action.kind:
        case "text" | "say" | "maxtokens" | "refusal":
            return [Say(words(action.argument or "ok") * action.times)]
        case "think":
            return [Think(words(action.argument or "hm"))]
        case "bash" if "bash" not in tool_names(tools):
            return [Say(["no bash tool offered"])]
        case "bash":
            return [Call("bash", {"command": action.argument})] * action.times
        case "tool":
            name, _, values = action.argument.partition(" ")
            return [Call(name, orjson.loads(values or "{}"))] * action.times
        case unknown:
            return [Say([f"unknown action {unknown}"])]
