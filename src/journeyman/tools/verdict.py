"""The tool with which a grader gives its verdict on the work towards an outcome."""

from typing import Any, Literal

from pydantic import Field, ValidationError

from journeyman.tools.inputs import ToolInput, explain, schema

NAME = "give_verdict"


class Verdict(ToolInput):
    result: Literal["satisfied", "needs_revision", "failed"] = Field(
        description="satisfied: every criterion is met; needs_revision: something falls short that can be mended; "
        "failed: the rubric cannot be applied to this work at all, for example because it contradicts the description."
    )
    explanation: str = Field(
        min_length=1,
        description="Which criteria are met and which are not, each with what you saw; what has to change. For people "
        "and for the agent, who sees nothing else of your work.",
    )


def definition() -> dict[str, Any]:
    """For the model."""
    about = "Give your verdict, once you have looked at everything that the rubric asks about. It ends the evaluation."
    return {"name": NAME, "description": about, "input_schema": schema(Verdict)}


def read_verdict(given: dict[str, Any]) -> Verdict | str:
    """The verdict, or what is wrong with it."""
    try:
        return Verdict.model_validate(given)
    except ValidationError as error:
        return explain(NAME, Verdict, error)
