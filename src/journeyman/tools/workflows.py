"""The tools with which an agent runs a plan, which calls agents and passes their answers on."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from journeyman.tools.inputs import ToolInput, explain, schema

JsonObject = dict[str, Any]

RUN, STOP, WAIT = "run_workflow", "stop_workflow", "wait_for_workflows"


class RunInput(ToolInput):
    plan: str = Field(min_length=1, description="The program.")
    name: str | None = Field(None, min_length=1, max_length=200, description="What to call the run.")
    description: str | None = Field(None, max_length=2_000, description="What it is for.")


class StopInput(ToolInput):
    workflow_run_id: str = Field(min_length=1, description="The run, as run_workflow told it.")


class WaitInput(ToolInput):
    workflow_run_ids: list[str] | None = Field(None, description="Runs to wait for; leave out for all.")


_TOOLS: Mapping[str, tuple[type[ToolInput], str]] = {
    RUN: (
        RunInput,
        "Run a plan in the background: a program that calls agents, one after the other or side by side, and passes "
        "their answers on. Better than delegating one by one when there is much to do, or when its order is known. "
        "Returns the run's id at once; what the plan returns comes to you as a message.\n\n",
    ),
    STOP: (StopInput, "Stop a workflow run. Its agents stop too."),
    WAIT: (WaitInput, "Wait until workflow runs have ended. What they returned follows as messages."),
}


def definitions(language: str) -> list[JsonObject]:
    """What the model is offered; `language` describes that of plans."""
    return [
        {
            "name": name,
            "description": text + language if name == RUN else text,
            "input_schema": schema(inputs),
        }
        for name, (inputs, text) in _TOOLS.items()
    ]


def is_workflow(name: str) -> bool:
    return name in _TOOLS


def read(name: str, given: JsonObject) -> ToolInput | str:
    """A call, or what is wrong with it."""
    inputs = _TOOLS[name][0]
    try:
        return inputs.model_validate(given)
    except ValidationError as error:
        return explain(name, inputs, error)
