"""Outcomes as clients define them, and as sessions show how far they are."""

from collections.abc import Mapping
from typing import Any

from journeyman.wire.errors import ApiError, invalid

MOST_CHARACTERS = 262_144
"""Of a rubric."""

_OPEN = ("pending", "running", "evaluating")


def pending(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of an outcome that was defined, as long as the agent has not begun to work."""
    return {
        "type": "outcome_evaluation",
        "outcome_id": event["outcome_id"],
        "description": event["description"],
        "iteration": 0,
        "result": "pending",
        "explanation": None,
        "completed_at": None,
    }


def is_open(evaluation: Mapping[str, Any]) -> bool:
    return evaluation["result"] in _OPEN


def still_open(place: int, outcome_id: str) -> ApiError:
    return invalid(
        f"events.{place}: the outcome {outcome_id} is still being worked towards, and only one is at a time; wait for "
        "its last span.outcome_evaluation_end, or end it with a user.interrupt"
    )


def rubric_refused(path: str, file_id: str, problem: str) -> ApiError:
    return invalid(f"{path}.rubric.file_id: {file_id} {problem}")
