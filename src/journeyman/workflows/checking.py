"""Asking the interpreter's process what a plan's text declares, before there is a run."""

from dataclasses import dataclass

from journeyman.workflows.limits import Limits
from journeyman.workflows.messages import Failed
from journeyman.workflows.plan import Phase, Problem, Refused
from journeyman.workflows.runner import Run


@dataclass(frozen=True, slots=True)
class Declared:
    """What a plan that may run says of itself."""

    phases: list[Phase]
    """In the plan's order, each name once."""
    agents: list[str]
    """The predefined agents that it names literally."""


async def check(plan: str, limits: Limits | None = None) -> Declared:
    """Raises Refused with what is wrong."""
    async with Run(plan, limits=limits, checks=True) as run:
        async for message in run:
            if isinstance(message, Failed) and not run.problems:
                raise Refused([Problem(message.line or 1, message.message)])
    if run.problems:
        raise Refused(run.problems)
    assert run.declared is not None
    return Declared([Phase(str(name), text) for name, text in run.declared.phases], run.declared.agents)
