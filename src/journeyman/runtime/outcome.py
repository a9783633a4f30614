"""An outcome that an agent works towards, as the log tells it, and the words in which agent and grader hear of it."""

from dataclasses import dataclass, field
from typing import Any

from journeyman.runtime.draft import Draft, ModelUsage
from journeyman.store.port import Row
from journeyman.wire.times import to_wire

JsonObject = dict[str, Any]

ACTIVE = ("running", "evaluating")
"""What is shown of an outcome whose end is open."""

_TOKENS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_CUT_SHORT = "The session was interrupted before the outcome was reached."


@dataclass(slots=True)
class Outcome:
    """What is to be reached, and how far it is."""

    id: str
    description: str
    rubric: str
    max_iterations: int
    result: str = "running"
    iteration: int = 0
    explanation: str | None = None
    completed_at: int | None = None
    evaluation: str | None = None
    """The evaluation that is open, by its span's start."""
    looks: list[JsonObject] = field(default_factory=list[JsonObject])
    """What the grader has said and seen in it: messages in the Messages API's shape."""
    requests: int = 0
    """How often it was asked in it."""
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    """What it has used in it."""
    verdicts: list[str] = field(default_factory=list[str])
    """Its explanations of the evaluations before."""

    @property
    def is_active(self) -> bool:
        return self.result in ACTIVE

    @property
    def is_last_iteration(self) -> bool:
        return self.iteration + 1 >= self.max_iterations

    def begin(self, row: Row) -> None:
        """An evaluation begins."""
        self.result, self.evaluation = "evaluating", row.id
        self.looks, self.requests, self.tokens = [], 0, {}

    def look(self, row: Row) -> None:
        """A sign of life, and what the grader has said and seen since the one before."""
        private = row.private or {}
        self._count(private)
        if "said" in private:
            self.requests += 1
            self.looks = joined([*self.looks, *private["said"]])

    def end(self, row: Row) -> None:
        """An evaluation is over, and, unless the work is to be revised, the outcome."""
        self.evaluation, self.looks = None, []
        self.explanation = row.body["explanation"]
        if row.body["result"] == "needs_revision":
            self.result = "running"
            self.iteration += 1
            self.verdicts.append(row.body["explanation"])
        else:
            self.result, self.completed_at = row.body["result"], row.processed_at

    def render(self) -> JsonObject:
        """As its session shows it."""
        return {
            "type": "outcome_evaluation",
            "outcome_id": self.id,
            "description": self.description,
            "iteration": self.iteration,
            "result": self.result,
            "explanation": self.explanation,
            "completed_at": None if self.completed_at is None else to_wire(self.completed_at),
        }

    def ended(self, result: str, explanation: str, usage: ModelUsage, priced: JsonObject) -> Draft:
        """The end of an evaluation. `usage` and `priced` are of its last request."""
        last = usage.wire()
        fields = {
            "outcome_evaluation_start_id": self.evaluation or "",
            "outcome_id": self.id,
            "result": result,
            "explanation": explanation,
            "iteration": self.iteration,
            "usage": {**last, **{key: last[key] + self._used.get(key, 0) for key in _TOKENS}},
        }
        private = None if self.evaluation is None else {"usage": last, **priced}
        return Draft("span.outcome_evaluation_end", fields, private=private)

    def judged(self, result: str, explanation: str, usage: ModelUsage, priced: JsonObject) -> Draft:
        """The end of an evaluation, by the grader's verdict."""
        is_over = result == "needs_revision" and self.is_last_iteration
        return self.ended("max_iterations_reached" if is_over else result, explanation, usage, priced)

    def interrupted(self, usage: ModelUsage, priced: JsonObject) -> Draft:
        """The end that an interrupt makes, also where no evaluation had begun."""
        return self.ended("interrupted", _CUT_SHORT, usage, priced)

    def going_on(self, usage: ModelUsage, priced: JsonObject, said: list[JsonObject] | None = None) -> Draft:
        """A sign of life after a request of the grader's; `said`: its answer, and what it is told in turn."""
        private: JsonObject = {"usage": usage.wire(), **priced} | ({} if said is None else {"said": said})
        return Draft("span.outcome_evaluation_ongoing", self._named(), private=private)

    def alive(self) -> Draft:
        """A sign of life."""
        return Draft("span.outcome_evaluation_ongoing", self._named())

    def started(self, event_id: str) -> Draft:
        return Draft("span.outcome_evaluation_start", self._named(), id=event_id)

    @property
    def _used(self) -> dict[str, int]:
        return {} if self.evaluation is None else self.tokens

    def _named(self) -> JsonObject:
        return {"outcome_id": self.id, "iteration": self.iteration}

    def _count(self, private: JsonObject) -> None:
        for key in _TOKENS if "usage" in private else ():
            self.tokens[key] = self.tokens.get(key, 0) + private["usage"][key]


def defined(row: Row) -> Outcome:
    body = row.body
    return Outcome(body["outcome_id"], body["description"], body["rubric"]["content"], body["max_iterations"])


def task(outcome: Outcome) -> list[JsonObject]:
    """What the agent is told when an outcome is defined. The description comes last: it is what is asked for."""
    about = (
        "You are to reach the outcome below. When you end your turn, a grader that has not seen this conversation "
        "judges the work by the rubric alone: it looks at the files of this computer, above all those in "
        "/mnt/session/outputs, where what is to be delivered belongs, and at your last message. You are told what "
        f"falls short, and can revise it. There are at most {outcome.max_iterations} evaluations."
    )
    rubric = f"<rubric>\n{outcome.rubric}\n</rubric>"
    return [_text(f"{about}\n\n{rubric}\n\n<outcome>\n{outcome.description}\n</outcome>")]


def revision(outcome: Outcome) -> list[JsonObject]:
    """What the agent is told after an evaluation that asks for more."""
    of = f"{outcome.iteration} of at most {outcome.max_iterations}"
    ask = "Revise the work accordingly, then end your turn, and it is evaluated anew."
    return [_text(f"Evaluation {of}: the work needs revision.\n\n{outcome.explanation}\n\n{ask}")]


def farewell(outcome: Outcome) -> list[JsonObject]:
    """What the agent is told after the last evaluation, when the outcome was not reached."""
    ask = "No evaluation follows. Say briefly what has been achieved and what is missing."
    return [_text(f"The last evaluation: the outcome was not reached.\n\n{outcome.explanation}\n\n{ask}")]


def news(outcome: Outcome) -> list[JsonObject]:
    """What the agent is told of an outcome that is over, for when the conversation goes on."""
    return [_text(f"The outcome is over: {outcome.result}. {outcome.explanation}")]


def joined(messages: list[JsonObject]) -> list[JsonObject]:
    """With one message for what the same side said in a row."""
    found: list[JsonObject] = []
    for message in messages:
        if found and found[-1]["role"] == message["role"]:
            found[-1] = {**message, "content": [*found[-1]["content"], *message["content"]]}
        elif message["content"]:
            found.append(message)
    return found


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}
